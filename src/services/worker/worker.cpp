#include "services/worker/worker.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "base/random_id.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/worker/events.hpp"
#include "services/worker/follow.hpp"
#include "services/worker/ledger.hpp"
#include "services/worker/task.hpp"

namespace p2p::worker {
namespace {

using messages::Event;
using messages::EventType;
namespace reason = messages::reason;

constexpr int kStrikes = 2;
constexpr std::chrono::milliseconds kBetweenProgress{500};

/// The last `capacity` texts that were added.
class Recent {
 public:
  explicit Recent(std::size_t capacity) : capacity_(capacity) {}
  void add(const std::string& text) {
    if (!texts_.insert(text).second) return;
    order_.push_back(text);
    if (order_.size() > capacity_) {
      texts_.erase(order_.front());
      order_.pop_front();
    }
  }
  bool has(const std::string& text) const { return texts_.contains(text); }

 private:
  std::size_t capacity_;
  std::set<std::string> texts_;
  std::deque<std::string> order_;
};

}  // namespace

class Worker::Impl {
 public:
  Impl(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config)
      : bus_(bus),
        metrics_(metrics),
        config_(std::move(config)),
        producer_(bus.producer()),
        events_(*producer_, config_.name),
        ledger_(bus),
        uploader_(std::make_unique<Uploader>(store, config_.uploads)) {}

  void run(const std::stop_token& stop) {
    if (!make_topics(stop)) return;
    std::vector<std::string> topics;
    for (const auto& [model, drawer] : config_.drawers) topics.push_back(messages::requests_topic(model));
    subscription_ = bus_.subscribe(std::string(messages::kWorkersGroup), topics,
                                   {.assigned = [this](const auto& given) { assigned(given); },
                                    .revoked = [this](const auto& taken, bool lost) { revoked(taken, lost); }});
    joined_ = true;
    std::jthread control([this](const std::stop_token& over) {
      follow(bus_, std::string(messages::kControlTopic), [this](const bus::Record& record) { obey(record); }, over);
    });
    std::jthread ends([this](const std::stop_token& over) {
      follow(bus_, std::string(messages::kEventsTopic), [this](const bus::Record& record) { note_end(record); }, over);
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

  std::string problem() const {
    if (!joined_) return "not connected to Kafka yet";
    const std::scoped_lock lock(end_mutex_);
    if (leaving_) return "stopping";
    if (const std::string text = subscription_->problem(); !text.empty()) return "Kafka: " + text;
    if (uploader_->failing_for() > 10) return "pictures cannot be stored";
    return "";
  }

 private:
  bool make_topics(const std::stop_token& stop) {
    std::vector<bus::TopicSpec> topics{{std::string(messages::kEventsTopic), 4},
                                       {std::string(messages::kControlTopic), 1},
                                       {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}};
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

  // --- the poll thread

  void poll() {
    const auto before = std::chrono::steady_clock::now();
    const auto records = subscription_->poll(std::chrono::milliseconds(50));
    // A process that was suspended may no longer own what it holds, and is not told before it has spoken with the brokers again.
    if (std::chrono::steady_clock::now() - before > std::chrono::seconds(4))
      trusted_from_ = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    for (const bus::Record& record : records) take(record);
  }

  void assigned(const std::vector<bus::TopicPartition>& given) {
    ledger_.outdate();
    // What was lost and did not come back is another's now.
    const std::set<bus::TopicPartition> here(given.begin(), given.end());
    const std::scoped_lock lock(mutex_);
    std::vector<TaskPtr> gone;
    for (const auto& [id, task] : tasks_) {
      if (!task->owned && !here.contains(task->place)) gone.push_back(task);
    }
    for (const TaskPtr& task : gone) drop(*task);
  }

  void revoked(const std::vector<bus::TopicPartition>& taken, bool lost) {
    const std::set<bus::TopicPartition> places(taken.begin(), taken.end());
    std::vector<TaskPtr> mine;
    {
      const std::scoped_lock lock(mutex_);
      for (const auto& [id, task] : tasks_) {
        if (places.contains(task->place)) mine.push_back(task);
      }
      // Lost: they may be another's already, so that nothing may be told. Drawing goes on: after an outage of the brokers they most often
      // come back.
      for (const TaskPtr& task : mine) {
        if (lost) task->owned = false;
      }
      if (lost) return;
    }
    for (const TaskPtr& task : mine) hand_back(task);
    producer_->flush(std::chrono::seconds(5));
  }

  void take(const bus::Record& record) {
    const std::string model(messages::model_of(record.topic));
    auto request = messages::decode_request(record.value);
    if (request && request->model != model)
      request = std::unexpected("the message is for the model " + request->model + ", the topic for " + model);
    if (!request) return bury_unreadable(record, request.error());
    const std::string id = request->id;
    {
      const std::scoped_lock lock(mutex_);
      if (const auto held = tasks_.find(id); held != tasks_.end()) {
        if (held->second->place == record.place() && held->second->offset == record.offset) {
          held->second->owned = true;  // it came back
          wake_.notify_all();
        } else {
          subscription_->done(record.place(), record.offset);
        }
        return;
      }
      if (recent_.has(id)) {
        log::info("asked for again after its end", {{"id", id}});
        count(model, "repeated", "");
        return subscription_->done(record.place(), record.offset);
      }
    }
    int strikes = request->strikes;
    if (record.inherited) {
      redeliveries_.add();
      const Ledger::State state = look_up(*request, record.timestamp - std::chrono::minutes(1));
      if (state.over) return subscription_->done(record.place(), record.offset);
      strikes += state.strikes;
    }
    const auto task = std::make_shared<Task>();
    task->request = std::move(*request);
    task->traceparent = std::string(record.header("traceparent"));
    task->place = record.place();
    task->offset = record.offset;
    task->strikes = strikes;
    if (strikes >= kStrikes) return bury_killer(task, record);
    const std::scoped_lock lock(mutex_);
    tasks_[id] = task;
    if (cancelled_.has(id)) return end(task, events_.about(*task, EventType::cancelled));
    queue_.push_back(task);
    wake_.notify_all();
  }

  /// The brokers may fail while it reads; nothing may be drawn before it is known.
  Ledger::State look_up(const messages::Request& request, Time since) {
    while (!ledger_.covers(since)) {
      try {
        ledger_.read(since);
      } catch (const bus::BusError& error) {
        log::warn("events cannot be read", {{"error", error.what()}});
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
      }
    }
    return ledger_.state_of(request);
  }

  void bury_unreadable(const bus::Record& record, const std::string& problem) {
    // The id may be readable where the rest is not.
    std::string id = messages::is_request_id(record.key) ? record.key : "";
    const Json json = Json::parse(record.value, nullptr, false);
    if (json.is_object() && json.contains("id") && json["id"].is_string() && messages::is_request_id(json["id"].get<std::string>()))
      id = json["id"].get<std::string>();
    log::warn("a message cannot be read", {{"id", id}, {"topic", record.topic}, {"offset", record.offset}, {"error", problem}});
    bury(record, id, std::string(reason::kUnreadable), problem, 0);
  }

  void bury_killer(const TaskPtr& task, const bus::Record& record) {
    log::error("a request killed two workers", {{"id", task->request.id}});
    bury(record, task->request.id, std::string(reason::kKilledWorker), "two workers died while they drew it", task->request.dispatch);
  }

  void bury(const bus::Record& record, const std::string& id, const std::string& why, const std::string& detail, int dispatch) {
    count(std::string(messages::model_of(record.topic)), "failed", why);
    dead_letters_.add();
    const std::string traceparent(record.header("traceparent"));
    const auto done = [this, place = record.place(), offset = record.offset](const std::string& problem) {
      if (problem.empty()) subscription_->done(place, offset);
    };
    const messages::DeadLetter letter{.id = id.empty() ? new_id() : id,
                                      .time = now(),
                                      .reason = why,
                                      .detail = detail,
                                      .topic = record.topic,
                                      .partition = record.partition,
                                      .offset = record.offset,
                                      .original = record.value};
    const Event failed{.id = letter.id,
                       .time = now(),
                       .type = EventType::failed,
                       .worker = config_.name,
                       .dispatch = dispatch,
                       .reason = why,
                       .detail = detail};
    events_.send(letter, traceparent, [this, failed, traceparent, done](const std::string& problem) {
      if (!problem.empty()) return log::error("a dead letter was not delivered", {{"id", failed.id}, {"error", problem}});
      events_.send(failed, traceparent, done);
    });
  }

  // --- the threads that follow topics

  void obey(const bus::Record& record) {
    if (const auto wish = messages::decode_control(record.value)) {
      obey(*wish);
    } else {
      log::warn("a control message was dropped", {{"offset", record.offset}, {"error", wish.error()}});
    }
  }

  /// What ended elsewhere is not begun here, should it be asked for once more.
  void note_end(const bus::Record& record) {
    constexpr std::array kEnds{EventType::finished, EventType::failed, EventType::cancelled};
    if (std::ranges::none_of(kEnds, [&](EventType type) { return messages::name_of(type) == record.header("type"); })) return;
    const std::scoped_lock lock(mutex_);
    recent_.add(record.key);
  }

  void obey(const messages::Control& wish) {
    const std::scoped_lock lock(mutex_);
    const auto found = tasks_.find(wish.id);
    if (wish.type == messages::Control::Type::cancel) {
      cancelled_.add(wish.id);
      if (found != tasks_.end()) stop(found->second, Task::Stop::cancel);
    } else if (found != tasks_.end() && found->second->state == Task::State::queued && found->second->request.dispatch == wish.dispatch) {
      stop(found->second, Task::Stop::hand_back);
    }
  }

  // --- tasks; the mutex is held

  void stop(const TaskPtr& task, Task::Stop why) {
    if (task->state == Task::State::queued) {
      std::erase(queue_, task);
      task->stop = why;
      end_stopped(task);
    } else if (task->state == Task::State::drawing && task->stop == Task::Stop::none) {
      task->stop = why;
      task->stop_drawing.request_stop();
    }
  }

  /// The end of what does not run (any more) as `stop` wants it.
  void end_stopped(const TaskPtr& task) {
    switch (task->stop) {
      case Task::Stop::none:
      case Task::Stop::cancel:
        return end(task, events_.about(*task, EventType::cancelled));
      case Task::Stop::hand_back: {
        Event event = events_.about(*task, EventType::progress);
        event.stage = "handed_back";
        event.strikes = task->strikes;
        return end(task, event);
      }
      case Task::Stop::drop:
        return drop(*task);
    }
  }

  void drop(Task& task) {
    task.stop = Task::Stop::drop;
    task.stop_drawing.request_stop();
    task.state = Task::State::over;
    std::erase_if(queue_, [&](const TaskPtr& each) { return each.get() == &task; });
    tasks_.erase(std::string(task.request.id));
    wake_.notify_all();
  }

  /// Tells the last of it; then its offset may be committed.
  void end(const TaskPtr& task, const Event& event) {
    if (task->state == Task::State::over) return;
    task->state = Task::State::over;
    if (!event.hands_back()) recent_.add(task->request.id);
    count(task->request.model, event.hands_back() ? "handed_back" : std::string(messages::name_of(event.type)), event.reason);
    log::info(event.hands_back() ? "handed back" : "ended", {{"id", event.id},
                                                             {"outcome", messages::name_of(event.type)},
                                                             {"reason", event.reason},
                                                             {"detail", event.detail},
                                                             {"model", task->request.model}});
    events_.send(event, task->traceparent, [this, task](const std::string& problem) {
      if (!problem.empty())
        log::error("an event was not delivered; the request will be taken up again", {{"id", task->request.id}, {"error", problem}});
      const std::scoped_lock lock(mutex_);
      if (problem.empty()) subscription_->done(task->place, task->offset);
      tasks_.erase(task->request.id);
      wake_.notify_all();
    });
  }

  void hand_back(const TaskPtr& task) {
    const std::scoped_lock lock(mutex_);
    if (task->state == Task::State::drawing) {
      // The drawing stops by itself; it is told here, before the partition goes.
      task->stop = Task::Stop::hand_back;
      task->stop_drawing.request_stop();
      end_stopped(task);
    } else if (task->state == Task::State::queued) {
      stop(task, Task::Stop::hand_back);
    } else if (task->state == Task::State::drawn) {
      task->stop = Task::Stop::hand_back;
      end_stopped(task);
    }
  }

  // --- the drawing thread

  void draw_all(const std::stop_token& over) {
    for (;;) {
      TaskPtr task;
      {
        std::unique_lock lock(mutex_);
        if (!wake_.wait(lock, over, [&] { return !queue_.empty(); })) return;
        task = queue_.front();
        queue_.pop_front();
        if (!may_tell(*task, lock, over)) continue;
        task->state = Task::State::drawing;
        task->started = now();
        Event event = events_.about(*task, EventType::started);
        event.attempt = 1 + task->strikes;
        events_.send(event, task->traceparent);
        queue_wait_.observe(std::chrono::duration<double>(task->started - task->request.time).count());
      }
      busy_.set(1);
      draw(task, over);
      busy_.set(0);
    }
  }

  /// Waits until it is known that the task's partition is this member's; false if it is not, or the wait was ended.
  bool may_tell(const Task& task, std::unique_lock<std::mutex>& lock, const std::stop_token& over) {
    while (task.state != Task::State::over && (!task.owned || std::chrono::steady_clock::now() < trusted_from_.load())) {
      wake_.wait_for(lock, over, std::chrono::milliseconds(100), [] { return false; });
      if (over.stop_requested()) return false;
    }
    return task.state != Task::State::over;
  }

  void draw(const TaskPtr& task, const std::stop_token& over) {
    const std::string& model = task->request.model;
    Event failed = events_.about(*task, EventType::failed);
    try {
      Drawing drawing = config_.drawers.at(model)->draw(
          task->request, [&](const DrawingProgress& at) { progress(*task, at); }, task->stop_drawing.get_token());
      return store(task, std::move(drawing), over);
    } catch (const Cancelled&) {
      std::unique_lock lock(mutex_);
      if (may_tell(*task, lock, over)) end_stopped(task);
      return;
    } catch (const UsageError& error) {
      failed.reason = reason::kCannotDo;
      failed.detail = error.what();
    } catch (const std::exception& error) {
      failed.reason = reason::kDrawingFailed;
      failed.detail = error.what();
    }
    std::unique_lock lock(mutex_);
    if (may_tell(*task, lock, over)) end(task, failed);
  }

  void progress(Task& task, const DrawingProgress& at) {
    const std::scoped_lock lock(mutex_);
    task.fraction = at.fraction;
    const Time moment = now();
    if (task.state != Task::State::drawing || !task.owned || (at.stage == last_stage_ && moment - last_progress_ < kBetweenProgress))
      return;
    last_progress_ = moment;
    last_stage_ = at.stage;
    send_progress(task, at);
  }

  void send_progress(const Task& task, const DrawingProgress& at) {
    Event event = events_.about(task, EventType::progress);
    event.stage = at.stage;
    event.step = at.step;
    event.total = at.total;
    event.fraction = at.fraction;
    events_.send(event, task.traceparent);
  }

  void store(const TaskPtr& task, Drawing drawing, const std::stop_token& over) {
    const std::string key = messages::image_key(task->request.id, task->request.time, 1);
    {
      std::unique_lock lock(mutex_);
      if (!may_tell(*task, lock, over)) return;
      task->state = Task::State::drawn;
      last_stage_.clear();
      send_progress(*task, {"storing", 0, 0, 1});
    }
    for (const auto& [stage, seconds] : drawing.seconds) stage_seconds(task->request.model, stage).observe(seconds);
    Event finished = events_.about(*task, EventType::finished);
    drawing.seconds["total"] = std::chrono::duration<double>(finished.time - task->started).count();
    finished.images = {{key, drawing.picture.width, drawing.picture.height, task->request.seed, drawing.picture.png.size()}};
    finished.seconds = std::move(drawing.seconds);
    finished.used = std::move(drawing.used);
    finished.notices = std::move(drawing.notices);
    const Time start = now();
    uploader_->add({key, std::move(drawing.picture.png),
                    [this, task, finished, start](const std::string& problem) {
                      store_seconds_.observe(std::chrono::duration<double>(now() - start).count());
                      Event event = problem.empty() ? finished : events_.about(*task, EventType::failed);
                      event.time = now();
                      if (!problem.empty()) {
                        event.reason = reason::kStoringFailed;
                        event.detail = problem;
                      }
                      std::unique_lock lock(mutex_);
                      if (may_tell(*task, lock, uploads_over_.get_token())) end(task, event);
                    }},
                   over);
  }

  // --- the end

  void leave() {
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

  /// By what it has drawn in what time; where that says nothing yet, it is given the time.
  bool can_finish(const Task& task, std::chrono::steady_clock::time_point until) const {
    const auto left = until - std::chrono::steady_clock::now();
    if (left.count() <= 0) return false;
    if (task.fraction <= 0) return true;
    const double passed = std::chrono::duration<double>(now() - task.started).count();
    return passed * (1 - task.fraction) / task.fraction <= std::chrono::duration<double>(left).count();
  }

  // --- metrics

  void count(const std::string& model, const std::string& outcome, const std::string& why) {
    metrics_
        .counter("prompt2pic_worker_requests_total", "Requests that ended or were handed back.",
                 {{"model", model}, {"outcome", outcome}, {"reason", why}})
        .add();
  }
  Histogram stage_seconds(const std::string& model, const std::string& stage) {
    return metrics_.seconds("prompt2pic_worker_stage_seconds", "Time of a drawing's stage.", {{"model", model}, {"stage", stage}});
  }

  bus::Bus& bus_;
  Metrics& metrics_;
  WorkerConfig config_;
  Counter redeliveries_ = metrics_.counter("prompt2pic_worker_redeliveries_total", "Requests that another worker may have begun.");
  Counter dead_letters_ = metrics_.counter("prompt2pic_worker_dead_letters_total", "Messages that could not be handled.");
  Gauge busy_ = metrics_.gauge("prompt2pic_worker_busy", "Whether it draws: 1 or 0.");
  Histogram queue_wait_ = metrics_.seconds("prompt2pic_worker_queue_wait_seconds", "From a request's acceptance to its start.");
  Histogram store_seconds_ = metrics_.seconds("prompt2pic_worker_store_seconds", "From a picture's end to its being stored.");

  std::unique_ptr<bus::Producer> producer_;
  EventWriter events_;
  Ledger ledger_;  ///< the poll thread's
  std::atomic<bool> joined_ = false;
  std::atomic<bool> leaving_ = false;
  std::atomic<std::chrono::steady_clock::time_point> trusted_from_{};

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, TaskPtr> tasks_;
  std::deque<TaskPtr> queue_;
  Recent recent_{10'000};
  Recent cancelled_{10'000};
  Time last_progress_;
  std::string last_stage_;

  std::stop_source uploads_over_;
  mutable std::mutex end_mutex_;  ///< between problem() and the end of what it asks
  std::unique_ptr<bus::Subscription> subscription_;
  std::unique_ptr<Uploader> uploader_;
};

Worker::Worker(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config)
    : impl_(std::make_unique<Impl>(bus, store, metrics, std::move(config))) {}
Worker::~Worker() = default;
void Worker::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Worker::problem() const { return impl_->problem(); }

}  // namespace p2p::worker
