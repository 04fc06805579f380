#include "services/requests/follower.hpp"

#include <thread>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/follow.hpp"

namespace p2p::requests {

void Follower::run(const std::stop_token& stop) {
  const bus::StartAt start{.offsets = {}, .since = now() - remember_};
  {
    std::jthread events([&](const std::stop_token& over) {
      const auto apply_all = [this](const auto& records, const bus::LogReader& reader) { apply_events(records, reader); };
      bus::follow(bus_, {.name = std::string(messages::kEventsTopic), .partitions = 4}, start, apply_all, over);
    });
    std::jthread control([&](const std::stop_token& over) {
      const auto apply_all = [this](const auto& records, const bus::LogReader&) { apply_control(records); };
      bus::follow(bus_, {.name = std::string(messages::kControlTopic), .partitions = 1}, start, apply_all, over);
    });
    while (!stop.stop_requested()) {
      pause(std::chrono::seconds(1), stop);
      const auto lock = known_.lock();
      known_.forget_old(now());
    }
    stopping_ = true;
    known_.watches().notify_all();
  }
}

std::string Follower::problem() const {
  if (!caught_up_) return "Kafka is not reachable";
  return Heartbeat::stuck({{event_reads_, "the events"}, {control_reads_, "the control messages"}});
}

void Follower::apply_events(const std::vector<bus::Record>& records, const bus::LogReader& reader) {
  event_reads_.stamp();
  const auto lock = known_.lock();
  for (const bus::Record& record : records) {
    if (const auto event = messages::decode_event(record.value)) {
      apply_event(record, *event);
    } else {
      unreadable_.add();
      log::warn("an event was dropped", {{"offset", record.offset}, {"partition", record.partition}, {"error", event.error()}});
    }
  }
  caught_up_ = caught_up_ || reader.caught_up();
  if (caught_up_) followed_ = reader.positions();
}

void Follower::apply_event(const bus::Record& record, const messages::Event& event) {
  if (const auto* const first = event.as<messages::Accepted>()) return known_.add(accepted(*first, record.header("traceparent")));
  if (known_.apply(event) != Change::rejected) return;
  foreign_key_.add();
  log::warn("an event was dropped: its picture belongs to another request", {{"id", event.id}, {"offset", record.offset}});
}

void Follower::apply_control(const std::vector<bus::Record>& records) {
  control_reads_.stamp();
  const auto lock = known_.lock();
  for (const bus::Record& record : records) {
    const auto control = messages::decode_control(record.value);
    if (control && control->type == messages::Control::Type::cancel) known_.cancel(control->id);
  }
}

Counter Follower::dropped(Metrics& metrics, const char* reason) {
  return metrics.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", reason}});
}

}  // namespace p2p::requests
