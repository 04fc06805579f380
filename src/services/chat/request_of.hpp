#pragma once

#include <cstdint>
#include <string>

#include "platform/messages/messages.hpp"
#include "services/chat/store/chat_request.hpp"

/// What is published of a request from a chat.
namespace p2p::chat {

/// The owner of a user's requests: "telegram:5".
std::string owner_of(std::int64_t user);

messages::Request request_of(const ChatRequest& request);

}  // namespace p2p::chat
