#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace p2p::app {

/// Watches this process's anonymous memory (RssAnon: what mapped files take is not in it) from construction to destruction.
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
