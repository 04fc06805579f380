#pragma once

#include <functional>
#include <stop_token>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::worker {

/// Reads the control topic, from an hour back so that a wish outlives the worker it was for, and gives each message to `take`; until
/// `stop`. Goes on when the brokers fail.
void read_control(bus::Bus& bus, const std::function<void(const messages::Control&)>& take, const std::stop_token& stop);

}  // namespace p2p::worker
