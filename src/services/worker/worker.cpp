#include "services/worker/worker.hpp"

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "platform/bus/follow.hpp"
#include "services/worker/impl.hpp"

namespace p2p::worker {
namespace {

const bus::TopicSpec kEvents{.name = std::string(messages::kEventsTopic), .partitions = 4};
const bus::TopicSpec kControl{.name = std::string(messages::kControlTopic), .partitions = 1};

}  // namespace

Worker::Impl::Impl(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config)
    : bus_(bus),
      metrics_(metrics),
      config_(std::move(config)),
      producer_(bus.producer()),
      events_(*producer_, config_.name),
      ledger_(bus),
      uploader_(std::make_unique<Uploader>(store, config_.uploads)) {}

void Worker::Impl::run(const std::stop_token& stop) {
  if (!make_topics(stop)) return;
  std::vector<std::string> topics;
  for (const auto& [model, drawer] : config_.drawers) topics.push_back(messages::requests_topic(model));
  subscription_ = bus_.subscribe(std::string(messages::kWorkersGroup), topics,
                                 {.assigned = [this](const auto& given) { assigned(given); },
                                  .revoked = [this](const auto& taken, bool lost) { revoked(taken, lost); }});
  joined_ = true;
  const bus::StartAt lately{.offsets = {}, .since = now() - std::chrono::hours(1)};
  std::jthread control([this, lately](const std::stop_token& over) {
    const auto obey_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
      for (const bus::Record& record : records) obey(record);
    };
    bus::follow(bus_, kControl, lately, obey_all, over);
  });
  std::jthread ends([this, lately](const std::stop_token& over) {
    const auto note_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
      for (const bus::Record& record : records) note_end(record);
    };
    bus::follow(bus_, kEvents, lately, note_all, over);
  });
  std::jthread drawing([this](const std::stop_token& over) { draw_all(over); });
  while (!stop.stop_requested()) poll();
  leave();
  drawing.request_stop();
  wake_.notify_all();
  drawing.join();
  control.request_stop();
  control.join();
  ends.request_stop();
  ends.join();
  uploader_.reset();
  producer_->flush(std::chrono::seconds(5));
  const std::scoped_lock lock(end_mutex_);
  subscription_.reset();
}

std::string Worker::Impl::problem() const {
  if (!joined_) return "not connected to Kafka yet";
  const std::scoped_lock lock(end_mutex_);
  if (leaving_) return "stopping";
  if (const std::string text = subscription_->problem(); !text.empty()) return "Kafka: " + text;
  if (uploader_->failing_for() > 10) return "pictures cannot be stored";
  return "";
}

bool Worker::Impl::make_topics(const std::stop_token& stop) {
  std::vector<bus::TopicSpec> topics{kEvents, kControl, {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}};
  for (const auto& [model, drawer] : config_.drawers) topics.push_back({messages::requests_topic(model), config_.partitions});
  while (!stop.stop_requested()) {
    try {
      bus_.ensure_topics(topics);
      return true;
    } catch (const bus::BusError& error) {
      if (!error.may_pass()) throw;
      log::warn("waiting for Kafka", {{"error", error.what()}});
    }
    pause(std::chrono::seconds(1), stop);
  }
  return false;
}

void Worker::Impl::leave() {
  {
    const std::scoped_lock lock(end_mutex_);
    leaving_ = true;
  }
  const auto deadline = std::chrono::steady_clock::now() + config_.stop_within;
  const auto finish = std::chrono::steady_clock::now() + config_.finish_within;
  subscription_->pause(true);
  {
    const std::scoped_lock lock(mutex_);
    for (const TaskPtr& task : std::deque<TaskPtr>(queue_)) stop(task, Task::Stop::hand_back);
  }
  while (std::chrono::steady_clock::now() < deadline) {
    subscription_->poll(std::chrono::milliseconds(20));
    const std::scoped_lock lock(mutex_);
    if (tasks_.empty()) break;
    for (const auto& [id, task] : std::map<std::string, TaskPtr>(tasks_)) {
      if (task->state == Task::State::drawing && !can_finish(*task, finish)) stop(task, Task::Stop::hand_back);
    }
  }
  std::vector<TaskPtr> left;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, task] : tasks_) left.push_back(task);
  }
  for (const TaskPtr& task : left) hand_back(task);
  uploads_over_.request_stop();
}

bool Worker::Impl::can_finish(const Task& task, std::chrono::steady_clock::time_point until) const {
  const auto left = until - std::chrono::steady_clock::now();
  if (left.count() <= 0) return false;
  if (task.fraction <= 0) return true;
  const double passed = std::chrono::duration<double>(now() - task.started).count();
  return passed * (1 - task.fraction) / task.fraction <= std::chrono::duration<double>(left).count();
}

void Worker::Impl::count(const std::string& model, const std::string& outcome, const std::string& why) {
  metrics_
      .counter("prompt2pic_worker_requests_total", "Requests that ended or were handed back.",
               {{"model", model}, {"outcome", outcome}, {"reason", why}})
      .add();
}

Worker::Worker(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config)
    : impl_(std::make_unique<Impl>(bus, store, metrics, std::move(config))) {}
Worker::~Worker() = default;
void Worker::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Worker::problem() const { return impl_->problem(); }

}  // namespace p2p::worker
