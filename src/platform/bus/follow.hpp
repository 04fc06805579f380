#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "platform/bus/bus.hpp"

namespace p2p::bus {

/// Gives `take` each batch of a topic's records from `start` on, and empty ones meanwhile, until `stop`; makes the topic where it is
/// missing. What fails is tried again, from where it had got to.
void follow(Bus& bus, const TopicSpec& topic, StartAt start,
            const std::function<void(const std::vector<Record>& records, const LogReader& reader)>& take, const std::stop_token& stop);

}  // namespace p2p::bus
