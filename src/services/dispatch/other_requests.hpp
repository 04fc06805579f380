#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "base/clock.hpp"

namespace p2p::dispatch {

/// The requests of other programs that workers draw: a worker draws one request at a time, so it has no room meanwhile. Not thread-safe.
class OtherRequests {
 public:
  void started(const std::string& id, const std::string& worker, Time at) { by_worker_[worker] = {id, at}; }
  void progressed(const std::string& id, Time at) {
    for (auto& [worker, request] : by_worker_) {
      if (request.id == id) request.last_event = at;
    }
  }
  /// The request is drawn, or no longer with the worker.
  void ended(const std::string& id) {
    std::erase_if(by_worker_, [&](const auto& item) { return item.second.id == id; });
  }
  /// Forgets requests without an event for a minute: their end may have been lost, or their start forged.
  void forget_silent(Time now) {
    constexpr std::chrono::seconds kLongestSilence{60};  // longer than any step
    std::erase_if(by_worker_, [&](const auto& item) { return std::chrono::abs(now - item.second.last_event) >= kLongestSilence; });
  }
  /// The worker draws something else, or has left.
  void forget_worker(const std::string& worker) { by_worker_.erase(worker); }
  template <typename Workers>
  void keep_workers(const Workers& workers) {
    std::erase_if(by_worker_, [&](const auto& item) { return !workers.contains(item.first); });
  }
  bool occupy(const std::string& worker) const { return by_worker_.contains(worker); }

 private:
  struct Request {
    std::string id;
    Time last_event;
  };
  std::map<std::string, Request> by_worker_;
};

}  // namespace p2p::dispatch
