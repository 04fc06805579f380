#include "platform/bus/follow.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::bus {

void follow(Bus& bus, const TopicSpec& topic, StartAt start,
            const std::function<void(const std::vector<Record>& records, const LogReader& reader)>& take, const std::stop_token& stop) {
  std::unique_ptr<LogReader> reader;
  std::string problem;
  while (!stop.stop_requested()) {
    try {
      if (!reader) {
        bus.ensure_topics({topic});
        reader = bus.read_log(topic.name, start);
      }
      const auto records = reader->poll(std::chrono::milliseconds(100));
      problem.clear();
      take(records, *reader);
      start.offsets = reader->positions();
      start.log = reader->log();
    } catch (const Error& error) {
      if (problem != error.what()) log::warn("a topic cannot be read; trying again", {{"topic", topic.name}, {"error", error.what()}});
      problem = error.what();
      reader.reset();
      pause(std::chrono::seconds(1), stop);
    }
  }
}

}  // namespace p2p::bus
