#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "services/api/openai.hpp"

namespace p2p::api {

/// Limits how many calls wait at the same time, in all and per client. Thread-safe.
class WaitingCalls {
 public:
  WaitingCalls(std::size_t most, std::size_t most_per_client) : most_(most), most_per_client_(most_per_client) {}

  /// A place for one waiting call, until the result is released. Throws ApiError if there is none. The object must outlive the result.
  std::shared_ptr<void> enter(const std::string& client) {
    const std::scoped_lock lock(mutex_);
    std::size_t& own = by_client_[client];
    if (own >= most_per_client_ || all_ >= most_)
      throw ApiError(503, "too_many_calls_wait", "too many calls are waiting; poll the request instead");
    ++own;
    ++all_;
    return {nullptr, [this, client](void*) { leave(client); }};
  }

 private:
  void leave(const std::string& client) {
    const std::scoped_lock lock(mutex_);
    if (--by_client_.at(client) == 0) by_client_.erase(client);
    --all_;
  }

  const std::size_t most_;
  const std::size_t most_per_client_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> by_client_;
  std::size_t all_ = 0;
};

}  // namespace p2p::api
