#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/clock.hpp"
#include "base/heartbeat.hpp"

namespace p2p::chat {

/// The inputs of the bot's one thread: functions, posted from any thread and run in order.
class EventLoop {
 public:
  /// `clock`: thread-safe.
  EventLoop(std::function<Time()> clock, const Heartbeat::Clock& steady_clock) : clock_(std::move(clock)), turns_(steady_clock) {}

  /// Thread-safe.
  Time now() const { return clock_(); }
  /// Thread-safe.
  void post(std::function<void()> input);

  /// Ends the next wait of run_inputs() at `at` at the latest.
  void wake_at(Time at);
  /// Waits until there are inputs, until wake_at(), `until` or the stop, and runs the inputs.
  void run_inputs(Time until, const std::stop_token& stop);

  /// Stamped at each run_inputs(), and by those that keep the thread for long. Thread-safe.
  Heartbeat& turns() { return turns_; }
  const Heartbeat& turns() const { return turns_; }

 private:
  std::function<Time()> clock_;
  Heartbeat turns_;
  std::optional<Time> wake_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> inputs_;
};

}  // namespace p2p::chat
