#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"

namespace p2p::bus::embedded {

/// The member of a group that owns each partition, by its id.
using Owners = std::map<TopicPartition, std::string>;

/// Assigns every partition of the topics to a member that subscribes to its topic. Of each topic, the members have equally many partitions,
/// give or take one. As few partitions as possible change their owner `before`. `members`: topics by member id; `partitions`: their number
/// by topic.
Owners assign(const std::map<std::string, std::vector<std::string>>& members, const std::map<std::string, int>& partitions,
              const Owners& before);

}  // namespace p2p::bus::embedded
