#pragma once

#include <thread>
#include <vector>

#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

namespace p2p::dispatch {

/// A client and a dispatcher, running until stop() or destruction. For tests.
class RunningDispatch {
 public:
  explicit RunningDispatch(bus::Bus& bus, Metrics& metrics, const requests::ClientConfig& requests = {}, DispatchConfig config = {})
      : client(bus, metrics, requests), dispatch(bus, metrics, client, with_short_interval(config)) {
    threads_.emplace_back([this](const std::stop_token& stop) { client.run(stop); });
    threads_.emplace_back([this](const std::stop_token& stop) { dispatch.run(stop); });
  }
  void stop() { threads_.clear(); }
  std::string problem() const { return client.problem() + dispatch.problem(); }

  requests::Client client;
  Dispatch dispatch;

 private:
  static DispatchConfig with_short_interval(DispatchConfig config) {
    config.watch_every = std::chrono::milliseconds(10);
    return config;
  }

  std::vector<std::jthread> threads_;
};

}  // namespace p2p::dispatch
