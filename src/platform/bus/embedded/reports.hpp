#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "platform/bus/bus.hpp"

namespace p2p::bus::embedded {

/// The delivery reports of one producer, called on a thread of its own, so that a slow one does not hold up other producers. Thread-safe.
class Reports {
 public:
  ~Reports() { close(); }

  /// One more report will come.
  void expect();
  void add(Producer::Delivered delivered, Producer::Problem problem);
  /// Waits until all expected reports have come and been called; false on timeout.
  bool flush(std::chrono::milliseconds timeout);
  /// After this, nothing is called any more.
  void close();

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::pair<Producer::Delivered, Producer::Problem>> queue_;
  std::int64_t expected_ = 0;
  bool closed_ = false;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

}  // namespace p2p::bus::embedded
