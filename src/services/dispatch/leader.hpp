#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "platform/bus/bus.hpp"

namespace p2p::dispatch {

/// Which of all processes that dispatch is the leader: the member of the group `prompt2pic.dispatch` that owns the one partition of the
/// control topic. One thread polls; the rest is thread-safe.
class Leader {
 public:
  /// `lost`: called by poll() before the lead is another's, and has to have ended what it does as the leader when it returns. After a
  /// silence longer than `trust_within` it is not sure that it still leads.
  Leader(bus::Bus& bus, std::chrono::milliseconds trust_within, std::function<void()> lost);

  /// Stays a member of the group; waits so long for what it says. Whether the partition is this member's. Throws BusError.
  bool poll(std::chrono::milliseconds wait);
  /// Leaves the group where poll() threw: the next poll() joins it anew.
  void leave() { membership_.reset(); }
  /// Whether the partition is this member's, and it may be trusted.
  bool leads() const;

 private:
  using Steady = std::chrono::steady_clock::time_point;

  bus::Bus& bus_;
  std::chrono::milliseconds trust_within_;
  std::function<void()> lost_;
  mutable std::mutex mutex_;
  bool owns_ = false;
  Steady heard_;  ///< the group, last; the polling thread alone sets it
  Steady trusted_from_;
  std::unique_ptr<bus::Subscription> membership_;
};

}  // namespace p2p::dispatch
