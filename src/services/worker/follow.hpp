#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "platform/bus/bus.hpp"

namespace p2p::worker {

/// Reads a topic, from an hour back so that what was told outlives the worker it was for, and gives each record to `take`; until `stop`.
/// Goes on when the brokers fail.
void follow(bus::Bus& bus, const std::string& topic, const std::function<void(const bus::Record&)>& take, const std::stop_token& stop);

}  // namespace p2p::worker
