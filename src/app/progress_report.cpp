#include "app/progress_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "base/printable.hpp"

namespace p2p::app {

ProgressReport::ProgressReport(int pictures) : pictures_(pictures) {
  const char* kind = std::getenv("TERM");
  terminal_ = ::isatty(STDERR_FILENO) == 1 && std::string_view(kind ? kind : "dumb") != "dumb";
}

void ProgressReport::loading(const std::string& model) {
  std::cerr << (terminal_ ? "\r" : "") << "loading " << printable(model) << (terminal_ ? " ..." : "\n") << std::flush;
}

void ProgressReport::next_picture() {
  ++picture_;
  picture_start_ = Clock::now();
}

void ProgressReport::show(const engine::Progress& progress) {
  const auto now = Clock::now();
  std::string line = pictures_ > 1 ? std::to_string(picture_) + "/" + std::to_string(pictures_) + "  " : "";
  line += engine::name_of(progress.stage);
  if (terminal_) {
    line.resize(std::max<std::size_t>(line.size(), 8), ' ');
    line += bar_text(progress.fraction, progress.step, progress.total, std::chrono::duration<double>(now - picture_start_).count());
    std::cerr << "\r" + line + "\x1b[K" << std::flush;
  } else if (progress.step == 0 || (progress.step < progress.total && now - last_line_ >= std::chrono::seconds(10))) {
    last_line_ = now;
    std::cerr << line + " " + std::to_string(progress.step) + "/" + std::to_string(progress.total) + "\n" << std::flush;
  }
}

void ProgressReport::note(const std::string& text) {
  finish();
  std::cerr << "note: " + printable(text) + "\n";
}

void ProgressReport::finish() {
  if (terminal_) std::cerr << "\r\x1b[K" << std::flush;
}

std::string bar(std::uint64_t done, std::uint64_t total) {
  constexpr std::uint64_t kWidth = 24;
  const std::uint64_t filled = total > 0 ? std::min(kWidth * done / total, kWidth) : 0;
  return "[" + std::string(filled, '#') + std::string(kWidth - filled, '-') + "]";
}

std::string eta(double elapsed_seconds, double done, double total) {
  if (done <= 0 || done >= total) return {};
  const long left = std::lround(std::ceil(elapsed_seconds / done * (total - done)));
  const std::string seconds = std::to_string(left % 60);
  return "  ETA " + std::to_string(left / 60) + (seconds.size() == 1 ? ":0" : ":") + seconds;
}

std::string bar_text(double fraction, int step, int total, double elapsed_seconds) {
  constexpr std::uint64_t kParts = 1'000'000;
  const auto done = static_cast<std::uint64_t>(std::lround(fraction * kParts));
  return bar(done, kParts) + " " + std::to_string(step) + "/" + std::to_string(total) + eta(elapsed_seconds, fraction, 1);
}

}  // namespace p2p::app
