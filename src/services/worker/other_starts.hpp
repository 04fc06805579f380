#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/heartbeat.hpp"

namespace p2p::worker {

/// The requests that other workers draw, as the events say. A leader that was suspended may deliver a message after its successor has sent
/// the same request to another worker; the later copy is not to be drawn while that worker lives. Thread-safe.
class OtherStarts {
 public:
  explicit OtherStarts(Heartbeat::Clock clock) : clock_(std::move(clock)) {}

  void started(const std::string& id, int dispatch);
  /// Another event of a request that may have been started.
  void heard_of(const std::string& id);
  void ended(const std::string& id);
  /// Whether another worker started this dispatch of the request, and has been heard of since.
  bool has(const std::string& id, int dispatch) const;

 private:
  struct Start {
    int dispatch = 0;
    std::chrono::steady_clock::time_point heard;
  };

  bool is_silent(const Start& start) const;

  Heartbeat::Clock clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Start> starts_;  ///< by request; about one per worker
};

}  // namespace p2p::worker
