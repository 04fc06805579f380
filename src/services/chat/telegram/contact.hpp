#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/heartbeat.hpp"

namespace p2p::chat {

/// Whether updates arrive from Telegram, as reported by the loop that gets them. Thread-safe.
class Contact {
 public:
  explicit Contact(Heartbeat::Clock now) : seen_(std::move(now)) {}

  /// From now on Telegram has to be seen at least each `within`; until then nothing is expected.
  void expect(std::chrono::seconds within) {
    const std::scoped_lock lock(mutex_);
    seen_.stamp();
    within_ = within;
  }
  /// Telegram answered; `problem`: why updates do not arrive all the same, empty: they do.
  void seen(std::string problem = "") {
    const std::scoped_lock lock(mutex_);
    seen_.stamp();
    problem_ = std::move(problem);
  }
  /// A call failed. It matters once Telegram has not been seen for too long.
  void failed(std::string error) {
    const std::scoped_lock lock(mutex_);
    error_ = std::move(error);
  }
  /// Empty: there is none.
  std::string problem() const {
    const std::scoped_lock lock(mutex_);
    if (!within_) return "";
    if (seen_.age() <= *within_) return problem_;
    return "Telegram is not reachable" + (error_.empty() ? "" : ": " + error_);
  }

 private:
  mutable std::mutex mutex_;
  Heartbeat seen_;
  std::optional<std::chrono::seconds> within_;
  std::string problem_, error_;
};

}  // namespace p2p::chat
