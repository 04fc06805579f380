#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace p2p {

/// The time of a loop's last iteration, so that readiness can detect a loop that hangs. Thread-safe. The first period starts at
/// construction.
class Heartbeat {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// `clock` replaces the steady clock in tests; it must be thread-safe.
  explicit Heartbeat(Clock clock = std::chrono::steady_clock::now) : clock_(std::move(clock)), last_(clock_()) {}

  void stamp() { last_ = clock_(); }
  std::chrono::steady_clock::duration age() const { return clock_() - last_.load(); }

  struct Loop {
    const Heartbeat& beat;
    std::string_view what;  ///< the loop's task
  };
  /// "stuck for 75 s at WHAT" for the first loop without an iteration for a minute; empty if there is none.
  static std::string stuck(std::initializer_list<Loop> loops) {
    for (const Loop& loop : loops) {
      if (const auto age = std::chrono::duration_cast<std::chrono::seconds>(loop.beat.age()); age > std::chrono::minutes(1))
        return "stuck for " + std::to_string(age.count()) + " s at " + std::string(loop.what);
    }
    return "";
  }

 private:
  Clock clock_;
  std::atomic<std::chrono::steady_clock::time_point> last_;
};

}  // namespace p2p
