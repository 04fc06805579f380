#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "platform/bus/kafka/kafka.hpp"

namespace p2p::bus {

/// A topic as the brokers describe it.
struct TopicState {
  int partitions = 0;
  int replicas = 0;       ///< of the partition with the fewest
  int in_sync = 0;        ///< of the partition with the fewest
  bool readable = false;  ///< by the user of the configuration
  bool writable = false;
};

/// Describes those of the topics that exist and that the user may see. Throws BusError.
std::map<std::string, TopicState> topic_states(const KafkaConfig& config, const std::vector<std::string>& topics,
                                               std::chrono::milliseconds timeout);

}  // namespace p2p::bus
