#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace p2p::app {

/// While one lives, SIGINT and SIGTERM end the program with 130 at once, or, after finish_step_first(), request a stop; the one after
/// that ends it at once again. To be made before any other thread, for these inherit the blocked signals. One at a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  void finish_step_first() { graceful_ = true; }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void wait();

  sigset_t signals_;
  sigset_t before_;
  std::atomic<bool> graceful_ = false;
  std::atomic<bool> over_ = false;
  std::stop_source stop_;
  std::thread waiter_;
};

}  // namespace p2p::app
