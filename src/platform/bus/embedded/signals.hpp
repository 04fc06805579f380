#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace p2p::bus::embedded {

class Listener;

/// Wakes those who wait for news of topics. Thread-safe.
class Signals {
 public:
  void notify(const std::string& topic);

 private:
  friend class Listener;
  std::mutex mutex_;
  std::set<Listener*> listeners_;
};

/// Waits for news of some topics. For one thread.
class Listener {
 public:
  /// Keeps the reference.
  Listener(Signals& signals, std::vector<std::string> topics) : signals_(signals), topics_(std::move(topics)) {
    const std::scoped_lock lock(signals_.mutex_);
    signals_.listeners_.insert(this);
  }
  ~Listener() {
    const std::scoped_lock lock(signals_.mutex_);
    signals_.listeners_.erase(this);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Returns at once if there was news since the last call that returned true. False on timeout.
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(signals_.mutex_);
    if (!changed_.wait_until(lock, deadline, [&] { return has_news_; })) return false;
    has_news_ = false;
    return true;
  }

 private:
  friend class Signals;
  Signals& signals_;
  std::vector<std::string> topics_;
  std::condition_variable changed_;
  bool has_news_ = false;
};

inline void Signals::notify(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  for (Listener* const listener : listeners_) {
    if (std::ranges::find(listener->topics_, topic) == listener->topics_.end()) continue;
    listener->has_news_ = true;
    listener->changed_.notify_one();
  }
}

}  // namespace p2p::bus::embedded
