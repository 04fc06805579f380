#include "services/chat/event_loop.hpp"

#include <algorithm>
#include <utility>

namespace p2p::chat {

void EventLoop::post(std::function<void()> input) {
  const std::scoped_lock lock(mutex_);
  inputs_.push_back(std::move(input));
  changed_.notify_one();
}

void EventLoop::wake_at(Time at) { wake_ = wake_ ? std::min(*wake_, at) : at; }

void EventLoop::run_inputs(Time until, const std::stop_token& stop) {
  constexpr std::size_t kMostInputs = 200;
  if (const auto wake = std::exchange(wake_, std::nullopt)) until = std::min(until, *wake);
  std::deque<std::function<void()>> inputs;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, until - now(), [&] { return !inputs_.empty(); });
    while (!inputs_.empty() && inputs.size() < kMostInputs) {
      inputs.push_back(std::move(inputs_.front()));
      inputs_.pop_front();
    }
  }
  turns_.stamp();
  for (const auto& input : inputs) input();
}

}  // namespace p2p::chat
