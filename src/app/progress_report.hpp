#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::app {

/// Shows on stderr how far the drawing is: on a terminal one line with a bar that is redrawn and wiped at the end; elsewhere a line as a
/// stage begins and then one every ten seconds at most.
class ProgressReport {
 public:
  explicit ProgressReport(int pictures);
  ~ProgressReport() { finish(); }
  ProgressReport(const ProgressReport&) = delete;
  ProgressReport& operator=(const ProgressReport&) = delete;

  void loading(const std::string& model);
  void next_picture();
  void show(const engine::Progress& progress);
  /// Says something that stays on the screen.
  void note(const std::string& text);
  /// Wipes the bar.
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
/// "  ETA 0:04"; nothing before something is done and when all is.
std::string eta(double elapsed_seconds, double done, double total);
/// "[#####-----] 5/10  ETA 0:04": the bar and the ETA show the `fraction` of the picture, the numbers the step of its stage.
std::string bar_text(double fraction, int step, int total, double elapsed_seconds);

}  // namespace p2p::app
