#include "services/worker/control.hpp"

#include <condition_variable>
#include <mutex>

#include "base/error.hpp"
#include "base/log.hpp"

namespace p2p::worker {

void read_control(bus::Bus& bus, const std::function<void(const messages::Control&)>& take, const std::stop_token& stop) {
  std::unique_ptr<bus::LogReader> reader;
  while (!stop.stop_requested()) {
    try {
      if (!reader) reader = bus.read_log(std::string(messages::kControlTopic), {.offsets = {}, .since = now() - std::chrono::hours(1)});
      for (const bus::Record& record : reader->poll(std::chrono::milliseconds(100))) {
        if (const auto control = messages::decode_control(record.value)) {
          take(*control);
        } else {
          log::warn("a control message was dropped", {{"offset", record.offset}, {"error", control.error()}});
        }
      }
    } catch (const Error& error) {
      log::warn("the control topic cannot be read", {{"error", error.what()}});
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any().wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    }
  }
}

}  // namespace p2p::worker
