#include "app/interrupts.hpp"

#include <cstdlib>
#include <iostream>

namespace p2p::app {

Interrupts::Interrupts() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  waiter_ = std::thread([this] { wait(); });
}

Interrupts::~Interrupts() {
  over_ = true;
  pthread_kill(waiter_.native_handle(), SIGINT);  // only to that thread, to wake its sigwait
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupts::wait() {
  int signal = 0;
  while (sigwait(&signals_, &signal) == 0 && !over_) {
    if (!graceful_.exchange(false)) {
      std::cerr << "\nprompt2pic: interrupted" << std::endl;
      std::_Exit(130);
    }
    std::cerr << "\nprompt2pic: stopping after the current step; interrupt again to stop immediately\n";
    stop_.request_stop();
  }
}

}  // namespace p2p::app
