#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "base/heartbeat.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/dispatch/dispatcher.hpp"
#include "services/requests/client.hpp"

namespace p2p::dispatch {

struct DispatchConfig {
  int user_in_flight = 2;
  std::chrono::seconds longest_wait = std::chrono::hours(12);         ///< for a worker; then a request fails. Below the topics' retention
  std::chrono::milliseconds worker_grace = std::chrono::seconds(15);  ///< how long a model may have no worker, ever
  std::chrono::milliseconds trust_within{4'000};                      ///< after a longer silence it is not sure that it still leads
  std::chrono::milliseconds watch_every{500};                         ///< between two looks at which workers are there
  Heartbeat::Clock steady_clock = std::chrono::steady_clock::now;     ///< for tests; thread-safe. By it loops are known to be stuck
};

/// Sends what waits to the workers. Every process with a door has one, each knows all that waits, of all doors, and one of them leads: it
/// alone writes the topics of requests, and ends what nobody can draw and what was cancelled while it waited.
class Dispatch {
 public:
  /// Keeps the references; observes `requests`.
  Dispatch(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config);
  ~Dispatch();

  /// Works until `stop`.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty: it can. Thread-safe, as are all below.
  std::string problem() const;

  /// Throws requests::Refused: no worker serves the model, nor ever did; or that cannot be told.
  void check_served(const std::string& model) const;
  /// Models that live workers serve.
  std::set<std::string> models() const;
  Estimate estimate(const std::string& id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::dispatch
