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

/// A worker's threads around its tasks: one polls, so that membership is kept whatever the engine does; one draws; two follow what is
/// wished and what has ended; the uploader's store. worker.cpp has its life, intake.cpp what comes, tasks.cpp how tasks end, drawing.cpp
/// what happens between.
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
  /// Which of its loops hangs; empty: none.
  std::string hanging() const;
  /// Finishes what can be finished in time, hands back the rest.
  void leave();
  /// Serves all its models; while the store refuses its pictures only those that no other worker serves. The poll thread's.
  void choose_models();
  /// The models that other members serve; nothing where that cannot be told now.
  std::optional<std::set<std::string>> models_of_others();
  /// Hands back what it holds and is no member of the group afterwards.
  void leave_group();
  /// Whether an end reached Kafka: empty, or why not. Any thread.
  void note_published(const std::string& problem);
  /// Nothing where it is no member any more. Any thread.
  void done(const bus::TopicPartition& place, std::int64_t offset);
  /// By what it has drawn in what time; where that says nothing yet, it is given the time.
  bool can_finish(const Task& task, std::chrono::steady_clock::time_point until) const;
  void count(const std::string& model, const std::string& outcome, const std::string& why);

  // --- intake.cpp: the poll thread
  void poll(const std::stop_token& stop);
  void assigned(const std::vector<bus::TopicPartition>& given);
  void revoked(const std::vector<bus::TopicPartition>& taken, bool lost);
  void vanished(const std::vector<bus::TopicPartition>& places);
  void take(const bus::Record& record, const std::stop_token& stop);
  /// The brokers may fail while it reads; nothing may be drawn before it is known. Nothing if `stop` came first.
  std::optional<Ledger::State> look_up(const messages::Request& request, Time since, const std::stop_token& stop);
  void dead_letter_unreadable(const bus::Record& record, const std::string& problem);
  void dead_letter_killer(const TaskPtr& task, const bus::Record& record);
  void dead_letter(const bus::Record& record, const std::string& id, const std::string& why, const std::string& detail, int dispatch);

  // --- intake.cpp: the threads that follow topics
  void apply_control(const bus::Record& record);
  void apply_control(const messages::Control& wish);
  /// What ended elsewhere is not begun here, should it be asked for once more.
  void note_end(const bus::Record& record);

  // --- tasks.cpp: the mutex is held, but for hand_back() and stop_overlong()
  void stop(const TaskPtr& task, Task::Stop why);
  /// The end of what does not run (any more) as `stop` wants it.
  void end_stopped(const TaskPtr& task);
  /// Stops the drawing that takes longer than it may.
  void stop_overlong();
  void drop(Task& task);
  /// Tells the last of it; then its offset may be committed.
  void end(const TaskPtr& task, const Event& event);
  void hand_back(const TaskPtr& task);
  /// Waits until it is known that the task's partition is this member's; false if it is not, or the wait was ended.
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
  Counter redeliveries_ = metrics_.counter("prompt2pic_worker_redeliveries_total", "Requests that another worker may have begun.");
  Counter dead_letters_ = metrics_.counter("prompt2pic_worker_dead_letters_total", "Messages that could not be handled.");
  Counter control_messages_ = metrics_.counter("prompt2pic_worker_control_total", "Messages of the control topic.", {{"outcome", "taken"}});
  Counter unreadable_control_ =
      metrics_.counter("prompt2pic_worker_control_total", "Messages of the control topic.", {{"outcome", "unreadable"}});
  Gauge busy_ = metrics_.gauge("prompt2pic_worker_busy", "Whether it draws: 1 or 0.");
  Histogram queue_wait_ = metrics_.seconds("prompt2pic_worker_queue_wait_seconds", "From a request's acceptance to its start.");
  Histogram store_seconds_ = metrics_.seconds("prompt2pic_worker_store_seconds", "From a picture's end to its being stored.");

  std::unique_ptr<bus::Producer> producer_;
  EventWriter events_;
  Ledger ledger_;  ///< the poll thread's
  Heartbeat polling_{config_.clock};
  Heartbeat control_reads_{config_.clock};
  Heartbeat end_reads_{config_.clock};
  Heartbeat published_{config_.clock};  ///< when it was last known whether an end reached Kafka
  Heartbeat looked_up_{config_.clock};  ///< when look_up() began, while it runs
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
  /// Between other threads and the end of the subscription, which the poll thread alone makes and ends. Taken after `mutex_`.
  mutable std::mutex end_mutex_;
  std::string unpublished_;        ///< why the last end that was told did not reach Kafka; empty: it did
  std::set<std::string> serving_;  ///< the poll thread's, as the next
  std::chrono::steady_clock::time_point look_around_at_{};
  std::unique_ptr<bus::Subscription> subscription_;
  StoreCheck store_check_;
  std::unique_ptr<Uploader> uploader_;
};

}  // namespace p2p::worker
