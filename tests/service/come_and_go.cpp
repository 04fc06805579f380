// p2p_come_and_go BROKERS TOPIC TIMES: TIMES times joins a group and reads the topic's log, and leaves while messages are being delivered.
// tests/service/test_bus.py fills the topic.

#include <iostream>
#include <string>

#include "platform/bus/kafka/kafka.hpp"

using namespace p2p::bus;

int main(int count, char** words) {
  if (count != 4) return 2;
  const auto bus = kafka_bus({.brokers = words[1]});
  std::size_t read = 0;
  for (int i = std::stoi(words[3]); i > 0; --i) {
    const auto reader = bus->read_log(words[2], {.offsets = {}, .since = p2p::Time{}});
    const auto member = bus->subscribe("come-and-go", {words[2]}, {});
    read += reader->poll(std::chrono::milliseconds(100)).size();
    read += member->poll(std::chrono::milliseconds(i % 5 * 100)).size();
  }
  std::cout << read << '\n';
  return 0;
}
