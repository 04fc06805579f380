#pragma once

#include <thread>
#include <vector>

#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

namespace p2p::dispatch {

/// What a process with a door has beside the door, running from its making to its end or stop(). For tests.
class RunningDispatch {
 public:
  explicit RunningDispatch(bus::Bus& bus, Metrics& metrics, const requests::ClientConfig& requests = {}, DispatchConfig config = {})
      : client(bus, metrics, requests), dispatch(bus, metrics, client, often(config)) {
    threads_.emplace_back([this](const std::stop_token& stop) { client.run(stop); });
    threads_.emplace_back([this](const std::stop_token& stop) { dispatch.run(stop); });
  }
  void stop() { threads_.clear(); }
  std::string problem() const { return client.problem() + dispatch.problem(); }

  requests::Client client;
  Dispatch dispatch;

 private:
  static DispatchConfig often(DispatchConfig config) {
    config.watch_every = std::chrono::milliseconds(10);
    return config;
  }

  std::vector<std::jthread> threads_;
};

}  // namespace p2p::dispatch
