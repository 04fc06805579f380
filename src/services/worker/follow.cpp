#include "services/worker/follow.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::worker {

void follow(bus::Bus& bus, const std::string& topic, const std::function<void(const bus::Record&)>& take, const std::stop_token& stop) {
  std::unique_ptr<bus::LogReader> reader;
  while (!stop.stop_requested()) {
    try {
      if (!reader) reader = bus.read_log(topic, {.offsets = {}, .since = now() - std::chrono::hours(1)});
      for (const bus::Record& record : reader->poll(std::chrono::milliseconds(100))) take(record);
    } catch (const Error& error) {
      log::warn("a topic cannot be read; it is tried again", {{"topic", topic}, {"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
}

}  // namespace p2p::worker
