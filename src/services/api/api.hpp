#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/api/entry.hpp"

namespace p2p::api {

struct ApiConfig {
  int user_in_flight = 2;
  int user_queue = 20;
  std::optional<int> user_per_day;
  std::size_t most_entries = 100'000;              ///< of more, those that ended are forgotten too, the oldest first
  std::chrono::hours remember{24};                 ///< what is older is forgotten
  std::chrono::hours longest_wait{12};             ///< for a worker; then it fails. Below `remember`
  std::chrono::milliseconds store_within{10'000};  ///< how long Kafka may take to store what was accepted
  std::chrono::milliseconds trust_within{4'000};   ///< after a longer silence it is not sure that it still leads
};

/// Takes requests, has them drawn by the workers, and tells what became of them. It has no database: what it knows is what Kafka's topics
/// say, so that any number of instances know the same, and a request that accept() took outlives them all. One of them leads: a member
/// of the group `prompt2pic.api` that owns the one partition of the control topic. It alone sends requests to workers.
class Api {
 public:
  /// Keeps the references.
  Api(bus::Bus& bus, Metrics& metrics, const ApiConfig& config);
  ~Api();

  /// Works until `stop`.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty: it can. Thread-safe, as are all below.
  std::string problem() const;

  /// Takes a request for `client`; returns when Kafka has stored it. `request` lacks id and time. The same `repeat_key` (the header
  /// Idempotency-Key; empty: none) gives the request that it gave before. Throws ApiError: the model is not served, too many wait, Kafka
  /// does not answer.
  View accept(const std::string& client, messages::Request request, const std::string& repeat_key);

  /// The client's request; nothing where there is none.
  std::optional<View> find(const std::string& client, const std::string& id) const;

  /// The same once it is over, at the latest after `patience`, and as soon as it is not what `version` was, where one is given.
  std::optional<View> wait(const std::string& client, const std::string& id, std::chrono::milliseconds patience,
                           std::optional<std::uint64_t> version = std::nullopt) const;

  /// Asks for its end; returns when Kafka has stored that. False where there is none such. Throws ApiError: Kafka does not answer.
  bool cancel(const std::string& client, const std::string& id);

  /// Whether run() is at its end: what waits is to wait no longer.
  bool stopping() const;

  /// Those that live workers serve.
  std::set<std::string> models() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::api
