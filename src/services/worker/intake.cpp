#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "base/random_id.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/worker/impl.hpp"

namespace p2p::worker {
namespace {

namespace reason = messages::reason;

constexpr int kMaxFailedAttempts = 2;

}  // namespace

void Worker::Impl::poll(const std::stop_token& stop) {
  polling_.stamp();
  if (!subscription_) {
    pause(std::chrono::milliseconds(50), stop);
    return;
  }
  const auto before = std::chrono::steady_clock::now();
  const auto records = subscription_->poll(std::chrono::milliseconds(50));
  // A process that was suspended may have lost its partitions, but is only notified once it has contacted the brokers again.
  if (std::chrono::steady_clock::now() - before > std::chrono::seconds(4))
    trusted_from_ = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (const bus::Record& record : records) take(record, stop);
}

void Worker::Impl::assigned(const std::vector<bus::TopicPartition>& given) {
  ledger_.outdate();
  // Lost partitions that are not assigned again belong to another worker now.
  const std::set<bus::TopicPartition> here(given.begin(), given.end());
  const std::scoped_lock lock(mutex_);
  std::vector<TaskPtr> gone;
  for (const auto& [id, task] : tasks_) {
    if (!task->owned && !here.contains(task->partition)) gone.push_back(task);
  }
  for (const TaskPtr& task : gone) drop(*task);
}

void Worker::Impl::revoked(const std::vector<bus::TopicPartition>& taken, bool lost) {
  const std::set<bus::TopicPartition> partitions(taken.begin(), taken.end());
  std::vector<TaskPtr> mine;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, task] : tasks_) {
      if (partitions.contains(task->partition)) mine.push_back(task);
    }
    // Lost partitions may already belong to another worker, so nothing may be published. Drawing continues, because after an outage of the
    // brokers the partitions usually come back.
    for (const TaskPtr& task : mine) {
      if (lost) task->owned = false;
    }
    if (lost) return;
  }
  for (const TaskPtr& task : mine) hand_back(task);
  if (subscription_) producer_->flush(config_.flush_within);  // otherwise leave_group() does it
}

void Worker::Impl::vanished(const std::vector<bus::TopicPartition>& partitions) {
  const std::set<bus::TopicPartition> gone(partitions.begin(), partitions.end());
  const std::scoped_lock lock(mutex_);
  recent_ = Recent{kRecent};  // end events may be lost too: requests that are sent again must be drawn again
  for (const auto& [id, task] : tasks_) {
    if (!gone.contains(task->partition)) continue;
    // Its message is lost, so no other worker gets it: keep the task. If the request is sent again, that message replaces the lost one.
    task->partition = {};
    task->owned = true;
  }
  wake_.notify_all();
}

void Worker::Impl::take(const bus::Record& record, const std::stop_token& stop) {
  const std::string model(messages::model_of(record.topic));
  auto request = messages::decode_request(record.value);
  if (request && request->model != model)
    request = std::unexpected("the message is for the model " + request->model + ", the topic for " + model);
  if (!request) return dead_letter_unreadable(record, request.error());
  const std::string id = request->id;
  {
    const std::scoped_lock lock(mutex_);
    const auto held = tasks_.find(id);
    // It was handed back, and comes again before the delivery report of that event.
    const bool is_sent_again =
        held != tasks_.end() && held->second->state == Task::State::over && !recent_.has(id) && request->dispatch > held->second->dispatch;
    if (held != tasks_.end() && !is_sent_again) {
      if (held->second->partition == record.topic_partition() && held->second->offset == record.offset) {
        held->second->owned = true;  // the partition was assigned again
        wake_.notify_all();
      } else if (held->second->partition.topic.empty() && held->second->state != Task::State::over) {
        held->second->partition = record.topic_partition();
        held->second->offset = record.offset;
        held->second->dispatch = request->dispatch;
      } else {
        done(record.topic_partition(), record.offset);
      }
      return;
    }
    if (recent_.has(id)) {
      log::info("a repeated request has already ended", {{"id", id}});
      count(model, "repeated", "");
      return done(record.topic_partition(), record.offset);
    }
  }
  int failed_attempts = request->failed_attempts;
  if (record.inherited) {
    redeliveries_.add();
    const auto state = look_up(*request, record.timestamp - std::chrono::minutes(1), stop);
    if (!state) return;  // not marked as done, so another worker will read it
    if (state->over) return done(record.topic_partition(), record.offset);
    failed_attempts += state->failed_attempts;
  }
  const auto task = std::make_shared<Task>();
  task->request = std::move(*request);
  task->dispatch = task->request.dispatch;
  task->traceparent = std::string(record.header("traceparent"));
  task->partition = record.topic_partition();
  task->offset = record.offset;
  task->failed_attempts = failed_attempts;
  if (failed_attempts >= kMaxFailedAttempts) return dead_letter_killer(task, record);
  const std::scoped_lock lock(mutex_);
  tasks_[id] = task;
  if (cancelled_.has(id)) return end(task, events_.about(*task, EventType::cancelled));
  queue_.push_back(task);
  wake_.notify_all();
}

std::optional<Ledger::State> Worker::Impl::look_up(const messages::Request& request, Time since, const std::stop_token& stop) {
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

void Worker::Impl::dead_letter_unreadable(const bus::Record& record, const std::string& problem) {
  // The id may be readable even if the rest is not.
  std::string id = messages::is_request_id(record.key) ? record.key : "";
  Json json;
  try {
    json = parse_json(record.value, "message");
  } catch (const Error&) {  // not readable either
  }
  if (json.is_object() && json.contains("id") && json["id"].is_string() && messages::is_request_id(json["id"].get<std::string>()))
    id = json["id"].get<std::string>();
  log::warn("a message cannot be decoded", {{"id", id}, {"topic", record.topic}, {"offset", record.offset}, {"error", problem}});
  dead_letter(record, id, std::string(reason::kUnreadable), problem, 0);
}

void Worker::Impl::dead_letter_killer(const TaskPtr& task, const bus::Record& record) {
  log::error("two workers crashed while drawing a request", {{"id", task->request.id}});
  dead_letter(record, task->request.id, std::string(reason::kKilledWorker), "two workers died while they drew it", task->request.dispatch);
}

void Worker::Impl::dead_letter(const bus::Record& record, const std::string& id, const std::string& why, const std::string& detail,
                               int dispatch) {
  count(std::string(messages::model_of(record.topic)), "failed", why);
  dead_letters_.add();
  const std::string traceparent(record.header("traceparent"));
  const auto on_delivery = [this, partition = record.topic_partition(), offset = record.offset](const std::string& problem) {
    if (problem.empty()) done(partition, offset);
  };
  const messages::DeadLetter dead_letter{.id = id.empty() ? new_id() : id,
                                         .time = now(),
                                         .reason = why,
                                         .detail = detail,
                                         .topic = record.topic,
                                         .partition = record.partition,
                                         .offset = record.offset,
                                         .original = record.value};
  const Event failed{.id = dead_letter.id,
                     .time = now(),
                     .type = EventType::failed,
                     .worker = config_.name,
                     .dispatch = dispatch,
                     .reason = why,
                     .detail = detail};
  events_.send(dead_letter, traceparent, [this, failed, traceparent, on_delivery](const std::string& problem) {
    if (!problem.empty()) return log::error("a dead letter was not delivered", {{"id", failed.id}, {"error", problem}});
    events_.send(failed, traceparent, on_delivery);
  });
}

void Worker::Impl::apply_control(const bus::Record& record) {
  if (const auto control = messages::decode_control(record.value)) {
    control_messages_.add();
    apply_control(*control);
  } else {
    unreadable_control_.add();
    log::warn("a control message was dropped", {{"offset", record.offset}, {"error", control.error()}});
  }
}

void Worker::Impl::apply_control(const messages::Control& control) {
  const std::scoped_lock lock(mutex_);
  const auto found = tasks_.find(control.id);
  if (control.type == messages::Control::Type::cancel) {
    cancelled_.add(control.id);
    if (found != tasks_.end()) stop(found->second, Task::Stop::cancel);
  } else if (found != tasks_.end() && found->second->state == Task::State::queued && found->second->dispatch == control.dispatch) {
    stop(found->second, Task::Stop::hand_back);
  }
}

void Worker::Impl::note_end(const bus::Record& record) {
  constexpr std::array kEnds{EventType::finished, EventType::failed, EventType::cancelled};
  if (std::ranges::none_of(kEnds, [&](EventType type) { return messages::name_of(type) == record.header("type"); })) return;
  const std::scoped_lock lock(mutex_);
  recent_.add(record.key);
}

}  // namespace p2p::worker
