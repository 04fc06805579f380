#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"

namespace p2p::chat {

/// A call that is repeated until it succeeds.
struct Attempt {
  bool busy = false;  ///< it is under way
  int refusals = 0;   ///< one after the other, for a reason that is not known
  Time retry_at;
  std::chrono::milliseconds backoff{0};

  void retry(Time now) {
    backoff = std::clamp(backoff * 2, std::chrono::milliseconds(250), std::chrono::milliseconds(30'000));
    retry_at = now + backoff;
  }
  void succeeded() {
    backoff = {};
    refusals = 0;
  }
};

}  // namespace p2p::chat
