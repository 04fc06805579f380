#include "services/worker/worker.hpp"

#include "base/log.hpp"
#include "base/pause.hpp"
#include "base/random_id.hpp"
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
      store_check_(store, "images/health/" + config_.name, config_.store_check, config_.clock),
      uploader_(std::make_unique<Uploader>(store, store_check_, config_.uploads)) {}

void Worker::Impl::run(const std::stop_token& stop) {
  if (!make_topics(stop)) return;
  store_check_.start();
  store_check_.wait_for_first(std::chrono::seconds(2), stop);
  for (Heartbeat* const beat : {&polling_, &control_reads_, &end_reads_}) beat->stamp();  // waiting for Kafka may have taken long
  const bus::StartAt lately{.offsets = {}, .since = now() - std::chrono::hours(1)};
  std::jthread control([this, lately](const std::stop_token& over) {
    const auto apply_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
      control_reads_.stamp();
      for (const bus::Record& record : records) apply_control(record);
    };
    bus::follow(bus_, kControl, lately, apply_all, over);
  });
  std::jthread ends([this, lately](const std::stop_token& over) {
    const auto note_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
      end_reads_.stamp();
      for (const bus::Record& record : records) note_end(record);
    };
    bus::follow(bus_, kEvents, lately, note_all, over);
  });
  std::jthread drawing([this](const std::stop_token& over) { draw_all(over); });
  while (!stop.stop_requested()) {
    choose_models();
    poll(stop);
    stop_overlong();
  }
  leave();
  drawing.request_stop();
  wake_.notify_all();
  drawing.join();
  control.request_stop();
  control.join();
  ends.request_stop();
  ends.join();
  uploader_.reset();
  leave_group();
}

Worker::Impl::~Impl() {
  uploader_.reset();
  leave_group();
  producer_.reset();  // its callbacks may run until here and use the other members
}

void Worker::Impl::choose_models() {
  std::set<std::string> wanted;
  for (const auto& [model, generator] : config_.generators) wanted.insert(model);
  if (store_check_.refuses()) {
    const auto time = std::chrono::steady_clock::now();
    if (time < check_others_at_) return;
    const auto others = models_of_others();
    // Random, so that two refused workers do not leave and return in lockstep.
    const auto pause = config_.check_others_every + config_.check_others_every * static_cast<int>(random_bits() % 100) / 100;
    check_others_at_ = time + (others ? pause : config_.retry_after);
    if (!others) return;
    std::erase_if(wanted, [&](const std::string& model) { return others->contains(model); });
  } else {
    check_others_at_ = {};
  }
  if (wanted == serving_) return;
  if (wanted.size() < config_.generators.size()) log::warn("the store refuses pictures: leaving models to other workers");
  leave_group();
  serving_ = wanted;
  if (wanted.empty()) return;
  std::vector<std::string> topics;
  for (const std::string& model : wanted) topics.push_back(messages::requests_topic(model));
  auto subscription = bus_.subscribe(std::string(messages::kWorkersGroup), topics,
                                     {.assigned = [this](const auto& given) { assigned(given); },
                                      .vanished = [this](const auto& partitions) { vanished(partitions); },
                                      .revoked = [this](const auto& taken, bool lost) { revoked(taken, lost); }});
  const std::scoped_lock lock(end_mutex_);
  subscription_ = std::move(subscription);
}

std::optional<std::set<std::string>> Worker::Impl::models_of_others() {
  std::set<std::string> models;
  try {
    const auto group = bus_.describe_group(std::string(messages::kWorkersGroup));
    if (group.exists && !group.stable) return std::nullopt;
    for (const bus::Member& member : group.members) {
      if (member.name == config_.name) continue;
      for (const bus::TopicPartition& partition : member.partitions) models.emplace(messages::model_of(partition.topic));
    }
  } catch (const bus::BusError& error) {
    log::warn("the list of other workers is not available", {{"error", error.what()}});
    return std::nullopt;
  }
  return models;
}

void Worker::Impl::leave_group() {
  if (!subscription_) return;
  std::vector<TaskPtr> left;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, task] : tasks_) left.push_back(task);
  }
  for (const TaskPtr& task : left) hand_back(task);
  producer_->flush(config_.flush_within);
  std::unique_ptr<bus::Subscription> gone;  // declared before the lock, so that it is destroyed without it: it calls revoked()
  const std::scoped_lock lock(end_mutex_);
  gone.swap(subscription_);
}

void Worker::Impl::done(const bus::TopicPartition& partition, std::int64_t offset) {
  const std::scoped_lock lock(end_mutex_);
  if (subscription_) subscription_->done(partition, offset);
}

void Worker::Impl::note_published(const std::string& problem) {
  const std::scoped_lock lock(end_mutex_);
  unpublished_ = problem;
  published_.stamp();
}

std::string Worker::Impl::problem() const {
  const std::scoped_lock lock(end_mutex_);
  if (leaving_) return "stopping";
  std::string store = store_check_.problem();
  if (store.empty()) store = uploader_->problem();
  if (!store.empty()) store = "pictures cannot be stored: " + store;
  if (!subscription_) return store.empty() ? "not connected to Kafka yet" : store;
  if (const std::string text = subscription_->problem(); !text.empty()) return "Kafka: " + text;
  if (const std::string text = hanging(); !text.empty()) return "Kafka: " + text;
  if (!unpublished_.empty() && published_.age() < std::chrono::minutes(2)) return "Kafka: an event was not accepted: " + unpublished_;
  return store;
}

std::string Worker::Impl::hanging() const {
  constexpr std::chrono::seconds kLookUp{10};
  if (looking_up_ && looked_up_.age() > kLookUp) return "events cannot be read, so nothing is drawn";
  return Heartbeat::stuck({{polling_, "requests"}, {control_reads_, "control messages"}, {end_reads_, "events"}});
}

bool Worker::Impl::make_topics(const std::stop_token& stop) {
  std::vector<bus::TopicSpec> topics{kEvents, kControl, {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}};
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

void Worker::Impl::leave() {
  {
    const std::scoped_lock lock(end_mutex_);
    leaving_ = true;
  }
  store_check_.request_stop();
  if (!subscription_) {
    uploads_over_.request_stop();
    return;
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
