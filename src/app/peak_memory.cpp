#include "app/peak_memory.hpp"

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>

namespace p2p::app {

std::uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::uint64_t kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib * 1024;
  }
  return 0;
}

PeakMemory::PeakMemory() {
  sampler_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      sample();
      wake.wait_for(lock, stop, std::chrono::milliseconds(20), [] { return false; });
    }
  });
}

std::uint64_t PeakMemory::bytes() {
  sample();
  return peak_;
}

void PeakMemory::sample() {
  const std::uint64_t bytes = anonymous_bytes();
  std::uint64_t peak = peak_;
  while (bytes > peak && !peak_.compare_exchange_weak(peak, bytes)) {
  }
}

}  // namespace p2p::app
