#include "services/worker/followers.hpp"

#include "base/log.hpp"
#include "platform/bus/follow.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::worker {

const bus::TopicSpec kEventsSpec{.name = std::string(messages::kEventsTopic), .partitions = 4};
const bus::TopicSpec kControlSpec{.name = std::string(messages::kControlTopic), .partitions = 1};

void Followers::start() {
  control_reads_.stamp();  // waiting for Kafka may have taken long
  end_reads_.stamp();
  const bus::StartAt lately{.offsets = {}, .since = now() - std::chrono::hours(1)};
  control_ = std::jthread([this, lately](const std::stop_token& over) {
    const auto apply_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
      control_reads_.stamp();
      for (const bus::Record& record : records) apply_control(record);
    };
    bus::follow(bus_, kControlSpec, lately, apply_all, over);
  });
  ends_ = std::jthread([this, lately](const std::stop_token& over) {
    const auto note_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
      end_reads_.stamp();
      for (const bus::Record& record : records) note(record);
    };
    bus::follow(bus_, kEventsSpec, lately, note_all, over);
  });
}

void Followers::stop() {
  control_ = {};
  ends_ = {};
}

void Followers::apply_control(const bus::Record& record) {
  if (const auto control = messages::decode_control(record.value)) {
    metrics_.control_taken.add();
    control->type == messages::Control::Type::cancel ? tasks_.cancel(control->id) : apply_release(*control);
  } else {
    metrics_.control_unreadable.add();
    log::warn("a control message was dropped", {{"offset", record.offset}, {"error", control.error()}});
  }
}

void Followers::apply_release(const messages::Control& control) {
  const Tasks::Lock lock = tasks_.lock();
  const TaskPtr task = tasks_.find(control.id);
  if (task && task->state == Task::State::queued && task->dispatch == control.dispatch) tasks_.stop(task, Task::Stop::hand_back);
}

void Followers::note(const bus::Record& record) {
  const std::string_view type = record.header("type");
  if (type == messages::Finished::kType || type == messages::Failed::kType || type == messages::Cancelled::kType) {
    other_starts_.ended(record.key);
    return tasks_.note_end(record.key);
  }
  other_starts_.heard_of(record.key);
  // Most events are progress, which need not be decoded.
  if (type != messages::Started::kType && !record.value.contains(messages::kHandedBack)) return;
  const auto event = messages::decode_event(record.value);
  if (!event || event->worker == name_) return;
  if (event->as<messages::Started>()) {
    other_starts_.started(event->id, event->dispatch);
  } else if (event->as<messages::HandedBack>()) {
    other_starts_.ended(event->id);
    tasks_.note_hand_back(event->id, event->dispatch);
  }
}

}  // namespace p2p::worker
