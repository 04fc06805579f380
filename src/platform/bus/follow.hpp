#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "platform/bus/bus.hpp"

namespace p2p::bus {

/// Calls `take` with batches of the topic's records from `start` on, and with empty batches in between, until `stop`. Creates the topic if
/// it is missing. After an error it resumes where it stopped.
void follow(Bus& bus, const TopicSpec& topic, StartAt start,
            const std::function<void(const std::vector<Record>& records, const LogReader& reader)>& take, const std::stop_token& stop);

}  // namespace p2p::bus
