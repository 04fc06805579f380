#pragma once

#include <cstdint>
#include <string>

#include "platform/messages/messages.hpp"
#include "services/bot/request_row.hpp"

/// What is published of a row.
namespace p2p::bot {

/// The owner of a person's requests: "telegram:5".
std::string owner_of(std::int64_t user);

messages::Request request_of(const RequestRow& row);

}  // namespace p2p::bot
