#include "platform/bus/embedded/reports.hpp"

#include <stop_token>

namespace p2p::bus::embedded {

void Reports::expect() {
  const std::scoped_lock lock(mutex_);
  ++expected_;
}

void Reports::add(Producer::Delivered delivered, Producer::Problem problem) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  if (delivered) {
    queue_.emplace_back(std::move(delivered), std::move(problem));
  } else {
    --expected_;
  }
  changed_.notify_all();
}

bool Reports::flush(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return expected_ == 0; });
}

void Reports::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    queue_.clear();
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Reports::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !queue_.empty(); })) {
    std::deque<std::pair<Producer::Delivered, Producer::Problem>> queue;
    queue.swap(queue_);
    for (auto& [delivered, problem] : queue) {
      if (closed_) return;
      lock.unlock();
      delivered(problem);
      lock.lock();
      --expected_;
    }
    changed_.notify_all();
  }
}

}  // namespace p2p::bus::embedded
