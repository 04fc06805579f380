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
  pthread_kill(waiter_.native_handle(), SIGINT);  // to that thread alone: wakes its sigwait
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
    std::cerr << "\nprompt2pic: stopping as soon as this can be left; once more stops at once\n";
    stop_.request_stop();
  }
}

}  // namespace p2p::app
