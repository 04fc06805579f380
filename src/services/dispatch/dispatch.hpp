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
  std::chrono::seconds longest_wait = std::chrono::hours(12);         ///< for a worker; then the request fails. Below the topics' retention
  std::chrono::milliseconds worker_grace = std::chrono::seconds(15);  ///< how long requests wait for a model that no worker has ever served
  std::chrono::milliseconds trust_within{4'000};                      ///< leadership is in doubt after a longer silence of the brokers
  std::chrono::milliseconds watch_every{500};                         ///< interval of updates of the list of workers
  Heartbeat::Clock steady_clock = std::chrono::steady_clock::now;     ///< detects stuck loops; replaced in tests; thread-safe
};

/// Sends waiting requests to workers. Every process with a door has an instance that tracks the requests of all doors. Only the elected
/// leader writes to the request topics, and ends requests that nobody can draw or that were cancelled while waiting.
class Dispatch {
 public:
  /// Keeps the references; observes `requests`.
  Dispatch(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config);
  ~Dispatch();

  /// Works until `stop`.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty if it can. This and the following functions are thread-safe.
  std::string problem() const;

  /// Throws requests::Refused if no worker has ever served the model, or if that is unknown because Kafka does not answer.
  void check_served(const std::string& model) const;
  /// Models served by active workers.
  std::set<std::string> models() const;
  Estimate estimate(const std::string& id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::dispatch
