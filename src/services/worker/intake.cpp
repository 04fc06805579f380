#include "services/worker/intake.hpp"

#include <set>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"

namespace p2p::worker {
namespace {

constexpr int kMaxFailedAttempts = 2;

}  // namespace

void Intake::poll(const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kWait{50};
  polls_.stamp();
  if (!membership_.joined()) {
    pause(kWait, stop);
    return;
  }
  for (const bus::Record& record : membership_.poll(kWait)) take(record, stop);
}

void Intake::assigned(const std::vector<bus::TopicPartition>& given) {
  ledger_.outdate();
  // Lost partitions that are not assigned again belong to another worker now.
  const std::set<bus::TopicPartition> here(given.begin(), given.end());
  const Tasks::Lock lock = tasks_.lock();
  for (const TaskPtr& task : tasks_.all()) {
    if (!task->owned && !here.contains(task->partition)) tasks_.drop(*task);
  }
}

void Intake::revoked(const std::vector<bus::TopicPartition>& taken, bool lost) {
  const std::set<bus::TopicPartition> partitions(taken.begin(), taken.end());
  std::vector<TaskPtr> mine;
  {
    const Tasks::Lock lock = tasks_.lock();
    mine = tasks_.all();
    std::erase_if(mine, [&](const TaskPtr& task) { return !partitions.contains(task->partition); });
    // Lost partitions may already belong to another worker, so nothing may be published. Drawing continues, because after an outage of the
    // brokers the partitions usually come back.
    if (lost) {
      for (const TaskPtr& task : mine) task->owned = false;
      return;
    }
  }
  for (const TaskPtr& task : mine) tasks_.hand_back(task);
}

void Intake::vanished(const std::vector<bus::TopicPartition>& partitions) {
  const std::set<bus::TopicPartition> gone(partitions.begin(), partitions.end());
  const Tasks::Lock lock = tasks_.lock();
  tasks_.forget_ended();  // end events may be lost too: requests that are sent again must be drawn again
  for (const TaskPtr& task : tasks_.all()) {
    if (!gone.contains(task->partition)) continue;
    // Its message is lost, so no other worker gets it: keep the task. If the request is sent again, that message replaces the lost one.
    task->partition = {};
    task->owned = true;
  }
  tasks_.notify();
}

void Intake::take(const bus::Record& record, const std::stop_token& stop) {
  const std::string model(messages::model_of(record.topic));
  auto request = messages::decode_request(record.value);
  if (request && request->model != model)
    request = std::unexpected("the message is for the model " + request->model + ", the topic for " + model);
  if (!request) return dead_letters_.unreadable(record, request.error());
  if (is_repeated(record, *request)) return;
  int failed_attempts = request->failed_attempts;
  if (record.inherited) {
    metrics_.redeliveries.add();
    const auto state = look_up(*request, record.timestamp - std::chrono::minutes(1), stop);
    if (!state) return;  // not marked as done, so another worker will read it
    if (state->over) return membership_.done(record.topic_partition(), record.offset);
    failed_attempts += state->failed_attempts;
  }
  if (failed_attempts >= kMaxFailedAttempts) return dead_letters_.killed_worker(record, *request);
  const auto task = std::make_shared<Task>();
  task->request = std::move(*request);
  task->dispatch = task->request.dispatch;
  task->traceparent = std::string(record.header("traceparent"));
  task->partition = record.topic_partition();
  task->offset = record.offset;
  task->failed_attempts = failed_attempts;
  task->inherited = record.inherited;
  const Tasks::Lock lock = tasks_.lock();
  tasks_.add(task);
}

bool Intake::is_repeated(const bus::Record& record, const messages::Request& request) {
  const Tasks::Lock lock = tasks_.lock();
  const bool has_ended = tasks_.has_ended(request.id);
  if (const TaskPtr held = tasks_.find(request.id)) {
    // It was handed back, and comes again before the delivery report of that event.
    const bool is_sent_again = held->state == Task::State::over && !has_ended && request.dispatch > held->dispatch;
    if (is_sent_again) return false;
    take_repeated(record, request, *held);
    return true;
  }
  if (!has_ended) return false;
  log::info("a repeated request has already ended", {{"id", request.id}});
  metrics_.count(request.model, "repeated", "");
  membership_.done(record.topic_partition(), record.offset);
  return true;
}

void Intake::take_repeated(const bus::Record& record, const messages::Request& request, Task& held) {
  if (held.partition == record.topic_partition() && held.offset == record.offset) {
    held.owned = true;  // the partition was assigned again
    tasks_.notify();
  } else if (held.partition.topic.empty() && held.state != Task::State::over) {
    held.partition = record.topic_partition();
    held.offset = record.offset;
    held.dispatch = request.dispatch;
  } else {
    membership_.done(record.topic_partition(), record.offset);
  }
}

std::optional<Ledger::State> Intake::look_up(const messages::Request& request, Time since, const std::stop_token& stop) {
  looked_up_.stamp();
  looking_up_ = true;
  while (!ledger_.covers(since) && !stop.stop_requested()) {
    try {
      ledger_.read(since, stop);
    } catch (const bus::BusError& error) {
      log::warn("events cannot be read", {{"error", error.what()}});
      pause(config_.retry_after, stop);
    }
  }
  looking_up_ = false;
  if (stop.stop_requested()) return std::nullopt;
  return ledger_.state_of(request);
}

std::string Intake::problem() const {
  constexpr std::chrono::seconds kLookUp{10};
  return looking_up_ && looked_up_.age() > kLookUp ? "events cannot be read, so nothing is drawn" : "";
}

}  // namespace p2p::worker
