#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::app {

/// Shows the progress of a drawing on stderr: on a terminal a progress bar that is erased at the end; elsewhere a line at the start of each
/// stage and then at most one every ten seconds.
class ProgressReport {
 public:
  explicit ProgressReport(int pictures);
  ~ProgressReport() { finish(); }
  ProgressReport(const ProgressReport&) = delete;
  ProgressReport& operator=(const ProgressReport&) = delete;

  void loading(const std::string& model);
  void next_picture();
  void show(const engine::Progress& progress);
  /// Prints a permanent line.
  void note(const std::string& text);
  /// Erases the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  int pictures_;
  int picture_ = 0;
  Clock::time_point picture_start_;
  Clock::time_point last_line_;
};

/// "[#####-----]"
std::string bar(std::uint64_t done, std::uint64_t total);
/// "  ETA 0:04"; empty at the start and at the end.
std::string eta(double elapsed_seconds, double done, double total);
/// "[#####-----] 5/10  ETA 0:04": the bar and the ETA show the `fraction` of the picture, the numbers the step of its stage.
std::string bar_text(double fraction, int step, int total, double elapsed_seconds);

}  // namespace p2p::app
