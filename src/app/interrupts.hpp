#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace p2p::app {

/// While an instance exists, SIGINT and SIGTERM end the program with exit code 130 or, after finish_step_first(), request a stop; the next
/// signal then ends it. Must be created before any other thread, because threads inherit the blocked signals. One instance at a time.
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
