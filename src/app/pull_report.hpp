#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "platform/hub/fetch.hpp"

namespace p2p::app {

/// Shows the progress of a download on stderr: on a terminal a progress bar that is erased at the end; elsewhere at most one line every ten
/// seconds.
class PullReport {
 public:
  PullReport();
  ~PullReport() { wipe(); }
  PullReport(const PullReport&) = delete;
  PullReport& operator=(const PullReport&) = delete;

  /// Callbacks for a download; they refer to this object.
  hub::Watcher watcher();
  void begin(std::uint64_t total_bytes) { total_ = total_bytes; }
  /// Prints a permanent line.
  void note(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  void show(std::uint64_t bytes);
  void show_wait(std::chrono::seconds left);
  void wipe() const;

  bool terminal_;
  std::uint64_t total_ = 0;
  std::uint64_t first_ = 0;  ///< bytes that were present at the start
  Clock::time_point start_;
  Clock::time_point last_;
};

/// "[#####-----] 1.2 GB of 2.4 GB, 30 MB/s  ETA 0:40"; `fresh` of the `done` bytes arrived within `elapsed_seconds`.
std::string transfer_text(std::uint64_t done, std::uint64_t total, std::uint64_t fresh, double elapsed_seconds);

}  // namespace p2p::app
