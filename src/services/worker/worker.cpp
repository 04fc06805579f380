#include "services/worker/worker.hpp"

#include <atomic>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/worker/describer.hpp"
#include "services/worker/drawing.hpp"
#include "services/worker/followers.hpp"
#include "services/worker/intake.hpp"

namespace p2p::worker {
namespace {

using Clock = std::chrono::steady_clock;

/// Whether the drawing will finish in time, extrapolated from its progress; true without progress.
bool can_finish(const Task& task, Clock::time_point until) {
  const auto left = until - Clock::now();
  if (left.count() <= 0) return false;
  if (task.fraction <= 0) return true;
  const double passed = std::chrono::duration<double>(now() - task.started).count();
  return passed * (1 - task.fraction) / task.fraction <= std::chrono::duration<double>(left).count();
}

}  // namespace

/// The threads of a worker: run()'s polls, which keeps the group membership while the engine works; one draws; two follow control messages
/// and ended requests; the uploader's threads store pictures,
/// and one stores previews.
class Worker::Impl {
 public:
  Impl(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  void run(const std::stop_token& stop);
  std::string problem() const;

 private:
  bool make_topics(const std::stop_token& stop);
  void choose_models();
  /// Stops a drawing that exceeds the time limit.
  void stop_overlong();
  /// Finishes what can be finished in time and hands back the rest.
  void finish_or_hand_back();
  /// Hands back all tasks and leaves the group.
  void leave_group();
  /// Why nothing is drawn although this is a member; empty if something is.
  std::string stuck() const;

  bus::Bus& bus_;
  const WorkerConfig config_;
  const WorkerMetrics metrics_;
  std::unique_ptr<bus::Producer> producer_;
  const EventWriter events_;
  StoreCheck store_check_;
  Membership membership_;
  OtherStarts other_starts_;
  Tasks tasks_;
  Intake intake_;
  Followers followers_;
  Describer describer_;
  std::unique_ptr<Uploader> uploader_;
  std::unique_ptr<PreviewStore> previews_;
  Drawing drawing_;
  mutable std::mutex leaving_mutex_;  ///< problem() uses nothing that run() destroys after it left
  bool leaving_ = false;
};

Worker::Impl::Impl(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config)
    : bus_(bus),
      config_(std::move(config)),
      metrics_(metrics),
      producer_(bus.producer()),
      events_(*producer_, config_.name, config_.clock),
      store_check_(store, "images/health/" + config_.name, config_.store_check, config_.clock),
      membership_(bus, config_, store_check_,
                  {.assigned = [this](const auto& given) { intake_.assigned(given); },
                   .vanished = [this](const auto& partitions) { intake_.vanished(partitions); },
                   .revoked =
                       [this](const auto& taken, bool lost) {
                         intake_.revoked(taken, lost);
                         if (!lost && membership_.joined()) producer_->flush(config_.flush_within);  // otherwise leave_group() does it
                       }}),
      other_starts_(config_.clock),
      tasks_(config_, membership_, events_, metrics_, other_starts_),
      intake_(bus, config_, membership_, tasks_, events_, metrics_),
      followers_(bus, config_, tasks_, other_starts_, metrics_),
      describer_(bus, *producer_, config_),
      uploader_(std::make_unique<Uploader>(store, store_check_, config_.uploads)),
      previews_(std::make_unique<PreviewStore>(store, metrics_, config_.clock)),
      drawing_(config_, store, tasks_, events_, metrics_, *uploader_, *previews_) {}

Worker::Impl::~Impl() {
  describer_.stop();
  followers_.stop();
  uploader_.reset();
  previews_.reset();
  leave_group();
  producer_.reset();  // its callbacks may run until here and use the other members
}

void Worker::Impl::run(const std::stop_token& stop) {
  if (!make_topics(stop)) return;
  store_check_.start();
  store_check_.wait_for_first(std::chrono::seconds(2), stop);
  intake_.polls().stamp();  // waiting for Kafka may have taken long
  followers_.start();
  describer_.start();
  {
    const std::jthread drawing([this](const std::stop_token& over) { drawing_.run(over); });
    while (!stop.stop_requested()) {
      choose_models();
      intake_.poll(stop);
      stop_overlong();
    }
    finish_or_hand_back();
  }
  describer_.stop();
  followers_.stop();
  uploader_.reset();
  previews_.reset();
  leave_group();
}

void Worker::Impl::choose_models() {
  const auto models = membership_.changed_models();
  if (!models) return;
  leave_group();
  membership_.join(*models);
}

void Worker::Impl::leave_group() {
  if (!membership_.joined()) return;
  std::vector<TaskPtr> left;
  {
    const Tasks::Lock lock = tasks_.lock();
    left = tasks_.all();
  }
  for (const TaskPtr& task : left) tasks_.hand_back(task);
  producer_->flush(config_.flush_within);
  membership_.leave();
}

void Worker::Impl::stop_overlong() {
  const Tasks::Lock lock = tasks_.lock();
  for (const TaskPtr& task : tasks_.all()) {
    if (task->state == Task::State::drawing && now() - task->started > config_.draw_within) tasks_.stop(task, Task::Stop::too_long);
  }
}

void Worker::Impl::finish_or_hand_back() {
  {
    const std::scoped_lock lock(leaving_mutex_);
    leaving_ = true;
  }
  store_check_.request_stop();
  if (!membership_.joined()) return drawing_.stop_waiting();
  const auto deadline = Clock::now() + config_.stop_within;
  const auto finish = Clock::now() + config_.finish_within;
  membership_.pause();
  {
    const Tasks::Lock lock = tasks_.lock();
    for (const TaskPtr& task : tasks_.all()) {
      if (task->state == Task::State::queued) tasks_.stop(task, Task::Stop::hand_back);
    }
  }
  while (Clock::now() < deadline) {
    membership_.poll(std::chrono::milliseconds(20));
    const Tasks::Lock lock = tasks_.lock();
    const std::vector<TaskPtr> left = tasks_.all();
    if (left.empty()) break;
    for (const TaskPtr& task : left) {
      if (task->state == Task::State::drawing && !can_finish(*task, finish)) tasks_.stop(task, Task::Stop::hand_back);
    }
  }
  drawing_.stop_waiting();
}

std::string Worker::Impl::problem() const {
  const std::scoped_lock lock(leaving_mutex_);
  if (leaving_) return "stopping";
  std::string store = store_check_.problem();
  if (store.empty()) store = uploader_->problem();
  if (!store.empty()) store = "pictures cannot be stored: " + store;
  const auto membership = membership_.problem();
  if (!membership) return store.empty() ? "not connected to Kafka yet" : store;
  if (!membership->empty()) return "Kafka: " + *membership;
  if (const std::string text = stuck(); !text.empty()) return "Kafka: " + text;
  if (const std::string text = events_.problem(); !text.empty()) return "Kafka: an event was not accepted: " + text;
  return store;
}

std::string Worker::Impl::stuck() const {
  if (const std::string text = intake_.problem(); !text.empty()) return text;
  return Heartbeat::stuck(
      {{intake_.polls(), "requests"}, {followers_.control_reads(), "control messages"}, {followers_.end_reads(), "events"}});
}

bool Worker::Impl::make_topics(const std::stop_token& stop) {
  std::vector<bus::TopicSpec> topics{kEventsSpec, kControlSpec, {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}};
  for (const auto& [model, generator] : config_.generators) topics.push_back({messages::requests_topic(model), config_.partitions});
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

Worker::Worker(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config)
    : impl_(std::make_unique<Impl>(bus, store, metrics, std::move(config))) {}
Worker::~Worker() = default;
void Worker::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Worker::problem() const { return impl_->problem(); }

}  // namespace p2p::worker
