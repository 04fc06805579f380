#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/recent.hpp"
#include "services/worker/events.hpp"
#include "services/worker/membership.hpp"
#include "services/worker/other_starts.hpp"
#include "services/worker/task.hpp"
#include "services/worker/worker_metrics.hpp"

namespace p2p::worker {

/// The requests that a worker holds, from their arrival to the delivery of their last event. One mutex guards them.
class Tasks {
 public:
  using Lock = std::unique_lock<std::mutex>;

  /// Keeps the references.
  Tasks(const WorkerConfig& config, const Membership& membership, const EventWriter& events, const WorkerMetrics& metrics,
        const OtherStarts& other_starts)
      : config_(config), membership_(membership), events_(events), metrics_(metrics), other_starts_(other_starts) {}

  Lock lock() const { return Lock(mutex_); }

  // The following require lock().

  /// nullptr if there is none.
  TaskPtr find(const std::string& id) const;
  std::vector<TaskPtr> all() const;
  /// Queues the task, or ends it if its cancel request came before.
  void add(const TaskPtr& task);
  /// Whether the request ended recently, here or elsewhere.
  bool has_ended(const std::string& id) const { return ended_.has(id); }
  void forget_ended() { ended_ = Recent{kRemembered}; }
  void stop(const TaskPtr& task, Task::Stop why);
  /// Ends a task that is not running (any more), as its `stop` says.
  void end_stopped(const TaskPtr& task);
  /// Publishes the last event of the task, then marks its record as processed.
  void end(const TaskPtr& task, const messages::Event& event);
  /// Forgets the task without an event.
  void drop(Task& task);
  /// Waits until this member is known to own the task's partition; false if it does not, or the wait was stopped.
  bool may_publish(const Task& task, Lock& lock, const std::stop_token& over);
  /// Wakes start_next() and may_publish() after a change.
  void notify() { changed_.notify_all(); }

  // The following lock by themselves.

  /// Waits for a queued task that no other worker draws, and publishes its start; nullptr if `over` came first.
  TaskPtr start_next(const std::stop_token& over);
  void hand_back(const TaskPtr& task);
  /// Cancels the request, also if it arrives later.
  void cancel(const std::string& id);
  /// The request ended, here or elsewhere.
  void note_end(const std::string& id);
  /// Another worker handed it back: it is sent again with a higher number, and an older message here is void.
  void note_hand_back(const std::string& id, int dispatch);

 private:
  static constexpr std::size_t kRemembered = 10'000;

  /// The next task to draw; queue_.end() if there is none.
  std::deque<TaskPtr>::iterator next_in_queue();
  /// Forgets a task that another worker did, and marks its record as processed.
  void drop_copy(const TaskPtr& task);

  const WorkerConfig& config_;
  const Membership& membership_;
  const EventWriter& events_;
  const WorkerMetrics& metrics_;
  const OtherStarts& other_starts_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, TaskPtr> tasks_;  ///< by request
  std::deque<TaskPtr> queue_;
  Recent ended_{kRemembered};
  Recent cancelled_{kRemembered};
};

}  // namespace p2p::worker
