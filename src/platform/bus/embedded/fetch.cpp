#include "platform/bus/embedded/fetch.hpp"

#include <algorithm>

namespace p2p::bus::embedded {

std::int64_t existing(const Partition& partition, std::int64_t offset) {
  return offset < partition.first || offset > partition.end ? partition.first : offset;
}

std::vector<Record> fetch(EmbeddedBroker& broker, Positions& positions, Store::Room room, std::size_t& turn) {
  struct Due {
    const TopicPartition* name;
    std::int64_t* position;
    std::int64_t id;
    std::int64_t end;
  };
  std::vector<Due> due;
  broker.catalogue.with([&](const Topics& topics) {
    for (auto& [name, position] : positions) {
      const Partition& partition = topics.at(name.topic).partitions.at(static_cast<std::size_t>(name.partition));
      position = existing(partition, position);
      if (position < partition.end) due.push_back({&name, &position, partition.id, partition.end});
    }
  });
  std::vector<Record> records;
  if (due.empty()) return records;
  std::ranges::rotate(due, due.begin() + static_cast<std::ptrdiff_t>(turn++ % due.size()));
  for (const Due& each : due) {
    if (room.records == 0 || room.bytes == 0) break;
    *each.position = broker.store.read(each.id, *each.name, *each.position, each.end, room, records);
  }
  return records;
}

}  // namespace p2p::bus::embedded
