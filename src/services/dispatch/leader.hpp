#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "platform/bus/bus.hpp"

namespace p2p::dispatch {

/// Leader election through Kafka: the leader is the member of the group `prompt2pic.dispatch` that owns the only partition of the control
/// topic. Only one thread may call poll() and leave(); leads() is thread-safe.
class Leader {
 public:
  /// `lost` is called by poll() before another process becomes the leader; when it returns, all work as leader must have ended. After a
  /// silence of the brokers longer than `trust_within`, leadership is in doubt and leads() is false.
  Leader(bus::Bus& bus, std::chrono::milliseconds trust_within, std::function<void()> lost);

  /// Keeps the membership, joining if necessary; waits up to `wait` for changes. Returns whether this member owns the partition. Throws
  /// BusError.
  bool poll(std::chrono::milliseconds wait);
  /// Leaves the group. The next poll() joins again.
  void leave() { membership_.reset(); }
  /// Whether this member owns the partition, and that is not in doubt.
  bool leads() const;

 private:
  using Steady = std::chrono::steady_clock::time_point;

  bus::Bus& bus_;
  std::chrono::milliseconds trust_within_;
  std::function<void()> lost_;
  mutable std::mutex mutex_;
  bool owns_ = false;
  Steady last_contact_;  ///< with the brokers; set only by the polling thread
  Steady trusted_from_;
  std::unique_ptr<bus::Subscription> membership_;
};

}  // namespace p2p::dispatch
