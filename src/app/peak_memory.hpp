#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace p2p::app {

/// The current anonymous memory of this process in bytes (RssAnon, without mapped files).
std::uint64_t anonymous_bytes();

/// Samples the anonymous memory of this process until it is destroyed.
class PeakMemory {
 public:
  PeakMemory();

  /// The maximum so far, in bytes.
  std::uint64_t bytes();

 private:
  void sample();

  std::atomic<std::uint64_t> peak_ = 0;
  std::jthread sampler_;
};

}  // namespace p2p::app
