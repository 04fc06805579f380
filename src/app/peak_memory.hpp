#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace p2p::app {

/// This process's anonymous memory now (RssAnon: what mapped files take is not in it).
std::uint64_t anonymous_bytes();

/// Watches this process's anonymous memory from construction to destruction.
class PeakMemory {
 public:
  PeakMemory();

  /// The largest value so far.
  std::uint64_t bytes();

 private:
  void sample();

  std::atomic<std::uint64_t> peak_ = 0;
  std::jthread sampler_;
};

}  // namespace p2p::app
