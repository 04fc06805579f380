#include "app/pull_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "app/progress_report.hpp"
#include "app/table.hpp"
#include "base/printable.hpp"

namespace p2p::app {

PullReport::PullReport() {
  const char* kind = std::getenv("TERM");
  terminal_ = ::isatty(STDERR_FILENO) == 1 && std::string_view(kind ? kind : "dumb") != "dumb";
}

hub::Watcher PullReport::watcher() {
  return {.progress = [this](std::uint64_t bytes) { show(bytes); },
          .trouble = [this](const std::string& text) { note(text); },
          .waiting = [this](std::chrono::seconds left) { show_wait(left); }};
}

void PullReport::note(const std::string& text) {
  wipe();
  std::cerr << printable(text) + "\n" << std::flush;
}

void PullReport::show(std::uint64_t bytes) {
  const auto now = Clock::now();
  if (start_ == Clock::time_point{}) {
    start_ = last_ = now;
    first_ = bytes;
  }
  first_ = std::min(first_, bytes);  // a file may have been restarted
  if (now - last_ < (terminal_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10))) return;
  last_ = now;
  const std::string line = transfer_text(bytes, total_, bytes - first_, std::chrono::duration<double>(now - start_).count());
  std::cerr << (terminal_ ? "\r" + line + "\x1b[K" : line + "\n") << std::flush;
}

void PullReport::show_wait(std::chrono::seconds left) {
  const std::string line = "waiting for the hub, " + std::to_string(left.count()) + " s left";
  if (terminal_)
    std::cerr << "\r" + line + "\x1b[K" << std::flush;
  else if (left.count() % 10 == 0)
    std::cerr << line + "\n" << std::flush;
}

void PullReport::wipe() const {
  if (terminal_) std::cerr << "\r\x1b[K" << std::flush;
}

std::string transfer_text(std::uint64_t done, std::uint64_t total, std::uint64_t fresh, double elapsed_seconds) {
  const auto bytes = [](std::uint64_t count) { return bytes_text(static_cast<double>(count)); };
  std::string text = bar(done, total) + " " + bytes(done) + " of " + bytes(total);
  if (elapsed_seconds <= 0) return text;
  const auto left = static_cast<double>(total - std::min(done, total));
  text += ", " + bytes_text(static_cast<double>(fresh) / elapsed_seconds) + "/s";
  return text + eta(elapsed_seconds, static_cast<double>(fresh), static_cast<double>(fresh) + left);
}

}  // namespace p2p::app
