#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "platform/bus/embedded/broker.hpp"

namespace p2p::bus::embedded {

/// By partition: the next offset to read.
using Positions = std::map<TopicPartition, std::int64_t>;

/// `offset`, or the oldest record's if it was deleted or never existed.
std::int64_t existing(const Partition& partition, std::int64_t offset);

/// Reads records from these positions on, up to `room`, and advances the positions. `turn`: the partition to begin with; each call
/// continues with the next one, so that none is left out. Throws db::DatabaseError.
std::vector<Record> fetch(EmbeddedBroker& broker, Positions& positions, Store::Room room, std::size_t& turn);

}  // namespace p2p::bus::embedded
