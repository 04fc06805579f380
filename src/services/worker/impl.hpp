#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>

#include "base/heartbeat.hpp"
#include "base/recent.hpp"
#include "services/worker/events.hpp"
#include "services/worker/ledger.hpp"
#include "services/worker/task.hpp"
#include "services/worker/worker.hpp"

namespace p2p::worker {

/// The threads of a worker: one polls, which keeps the group membership while the engine works; one draws; two follow control messages and
/// ended requests; the uploader's threads store pictures. worker.cpp has start, stop and the choice of models, intake.cpp incoming
/// messages, drawing.cpp the drawing, tasks.cpp the ends of tasks.
class Worker::Impl {
 public:
  Impl(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  void run(const std::stop_token& stop);
  std::string problem() const;

 private:
  using Event = messages::Event;
  using EventType = messages::EventType;

  // --- worker.cpp
  bool make_topics(const std::stop_token& stop);
  /// Which loop hangs; empty if none.
  std::string hanging() const;
  /// Finishes what can be finished in time and hands back the rest.
  void leave();
  /// Selects the models to serve: all, or, while the store refuses pictures, only those that no other worker serves. Poll thread only.
  void choose_models();
  /// The models that other members serve; nullopt if that is unknown at the moment.
  std::optional<std::set<std::string>> models_of_others();
  /// Hands back all tasks and leaves the group.
  void leave_group();
  /// Records whether an event was stored in Kafka: empty, or the reason why not. Any thread.
  void note_published(const std::string& problem);
  /// Marks the record as processed. No effect if this is no longer a member. Any thread.
  void done(const bus::TopicPartition& partition, std::int64_t offset);
  /// Whether the drawing will finish in time, extrapolated from its progress; true without progress.
  bool can_finish(const Task& task, std::chrono::steady_clock::time_point until) const;
  void count(const std::string& model, const std::string& outcome, const std::string& why);

  // --- intake.cpp: the poll thread
  void poll(const std::stop_token& stop);
  void assigned(const std::vector<bus::TopicPartition>& given);
  void revoked(const std::vector<bus::TopicPartition>& taken, bool lost);
  void vanished(const std::vector<bus::TopicPartition>& partitions);
  void take(const bus::Record& record, const std::stop_token& stop);
  /// Reads what the events say of the request, retrying if the brokers fail, because it must not be drawn before that is known. nullopt if
  /// `stop` came first.
  std::optional<Ledger::State> look_up(const messages::Request& request, Time since, const std::stop_token& stop);
  void dead_letter_unreadable(const bus::Record& record, const std::string& problem);
  void dead_letter_killer(const TaskPtr& task, const bus::Record& record);
  void dead_letter(const bus::Record& record, const std::string& id, const std::string& why, const std::string& detail, int dispatch);

  // --- intake.cpp: the threads that follow topics
  void apply_control(const bus::Record& record);
  void apply_control(const messages::Control& control);
  /// Remembers requests that ended elsewhere, in case their messages arrive here again.
  void note_end(const bus::Record& record);

  // --- tasks.cpp: the mutex must be held, except for hand_back() and stop_overlong()
  void stop(const TaskPtr& task, Task::Stop why);
  /// Ends a task that is not running (any more), as its `stop` says.
  void end_stopped(const TaskPtr& task);
  /// Stops a drawing that exceeds the time limit.
  void stop_overlong();
  void drop(Task& task);
  /// Publishes the last event of the task, then marks its record as processed.
  void end(const TaskPtr& task, const Event& event);
  void hand_back(const TaskPtr& task);
  /// Waits until this member is known to own the task's partition; false if it does not, or the wait was stopped.
  bool may_publish(const Task& task, std::unique_lock<std::mutex>& lock, const std::stop_token& over);

  // --- drawing.cpp: the drawing thread
  void draw_all(const std::stop_token& over);
  void draw(const TaskPtr& task, const std::stop_token& over);
  void progress(Task& task, const GenerationProgress& at);
  void send_progress(const Task& task, const GenerationProgress& at);
  void store(const TaskPtr& task, std::vector<GenerationResult> drawings, const std::stop_token& over);

  bus::Bus& bus_;
  Metrics& metrics_;
  WorkerConfig config_;
  Counter redeliveries_ = metrics_.counter("prompt2pic_worker_redeliveries_total", "Requests that another worker may have started.");
  Counter dead_letters_ = metrics_.counter("prompt2pic_worker_dead_letters_total", "Messages that could not be processed.");
  Counter control_messages_ = metrics_.counter("prompt2pic_worker_control_total", "Messages of the control topic.", {{"outcome", "taken"}});
  Counter unreadable_control_ =
      metrics_.counter("prompt2pic_worker_control_total", "Messages of the control topic.", {{"outcome", "unreadable"}});
  Gauge busy_ = metrics_.gauge("prompt2pic_worker_busy", "Whether the worker is drawing: 1 or 0.");
  Histogram queue_wait_ = metrics_.seconds("prompt2pic_worker_queue_wait_seconds", "Time from the acceptance of a request to its start.");
  Histogram store_seconds_ = metrics_.seconds("prompt2pic_worker_store_seconds", "Time to store a finished picture.");

  std::unique_ptr<bus::Producer> producer_;
  EventWriter events_;
  Ledger ledger_;  ///< poll thread only
  Heartbeat polling_{config_.clock};
  Heartbeat control_reads_{config_.clock};
  Heartbeat end_reads_{config_.clock};
  Heartbeat published_{config_.clock};  ///< when the last delivery report of an event arrived
  Heartbeat looked_up_{config_.clock};  ///< start of look_up(), while it runs
  std::atomic<bool> looking_up_ = false;
  std::atomic<bool> leaving_ = false;
  std::atomic<std::chrono::steady_clock::time_point> trusted_from_{};

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, TaskPtr> tasks_;
  std::deque<TaskPtr> queue_;
  static constexpr std::size_t kRecent = 10'000;
  Recent recent_{kRecent};
  Recent cancelled_{10'000};
  Time last_progress_;
  std::string last_stage_;

  std::stop_source uploads_over_;
  /// Guards the subscription, which only the poll thread creates and destroys. Locked after `mutex_`.
  mutable std::mutex end_mutex_;
  std::string unpublished_;        ///< why the last event was not stored in Kafka; empty if it was
  std::set<std::string> serving_;  ///< poll thread only, like the next
  std::chrono::steady_clock::time_point check_others_at_{};
  std::unique_ptr<bus::Subscription> subscription_;
  StoreCheck store_check_;
  std::unique_ptr<Uploader> uploader_;
};

}  // namespace p2p::worker
