#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace p2p::chat {

/// Runs functions on a few threads, in the order they come.
class CallPool {
 public:
  explicit CallPool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  /// Waits for what runs; what waits is dropped.
  ~CallPool() {
    for (auto& thread : threads_) thread.request_stop();
  }
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  void run(std::function<void()> function) {
    const std::scoped_lock lock(mutex_);
    functions_.push_back(std::move(function));
    changed_.notify_one();
  }

 private:
  void work(const std::stop_token& stop) {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !functions_.empty(); })) return;
      if (stop.stop_requested()) return;
      const std::function<void()> function = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      function();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> functions_;
  std::vector<std::jthread> threads_;
};

}  // namespace p2p::chat
