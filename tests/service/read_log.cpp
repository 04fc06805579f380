// p2p_read_log BROKERS TOPIC [OFFSET]: reads partition 0 of a topic from the offset, or the beginning, to its current end. Prints the
// number of records and the next offset. Exits with 1 if that takes more than 10 seconds.

#include <iostream>
#include <string>

#include "platform/bus/kafka/kafka.hpp"

using namespace p2p::bus;

int main(int count, char** words) {
  if (count < 3) return 2;
  const auto bus = kafka_bus({.brokers = words[1]});
  const TopicPartition place{words[2], 0};
  StartAt start{.offsets = {}, .since = p2p::Time{}};
  if (count > 3) start.offsets[place] = std::stoll(words[3]);
  const auto reader = bus->read_log(place.topic, start);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::size_t records = 0;
  while (!reader->caught_up()) {
    if (std::chrono::steady_clock::now() > deadline) return 1;
    records += reader->poll(std::chrono::milliseconds(100)).size();
  }
  std::cout << records << ' ' << reader->positions().at(place) << '\n';
  return 0;
}
