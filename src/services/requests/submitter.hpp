#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/requests/client.hpp"
#include "services/requests/follower.hpp"
#include "services/requests/known_requests.hpp"

namespace p2p::requests {

/// Publishes what doors submit and cancel, within the limits of each owner. Thread-safe.
class Submitter {
 public:
  using Submitted = Client::Submitted;
  using Wake = Client::Wake;
  using Prepare = Client::Prepare;

  /// Keeps the references.
  Submitter(bus::Bus& bus, Metrics& metrics, const ClientConfig& config, KnownRequests& known, const Follower& follower)
      : metrics_(metrics), config_(config), known_(known), follower_(follower), producer_(bus.producer()) {}

  /// As in Client.
  Submitted submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake, const Prepare& prepare);
  StoringPtr cancel(const std::string& owner, const std::string& id, const Wake& wake);
  void flush(std::chrono::milliseconds timeout) { producer_->flush(timeout); }

 private:
  // Both require the lock of the known requests.
  /// The request of an earlier identical call; `id` is derived from the key. Throws Refused.
  std::optional<Submitted> known_repeat(const std::string& owner, std::string id, const Repeat& repeat) const;
  /// Throws Refused.
  void check_limits(const std::string& owner) const;
  /// Admits a request, which then counts as arriving; nullopt. Or the request of an earlier identical call. Throws Refused. Takes the lock.
  std::optional<Submitted> admit(const std::string& owner, const std::string& id, const Repeat& repeat, const StoringPtr& storing);
  /// Sends the message; `then` is called with the outcome, under the lock of the known requests.
  void store(const StoringPtr& storing, bus::Outgoing message, const Wake& wake, std::function<void(bool stored)> then);

  Metrics& metrics_;
  const ClientConfig& config_;
  KnownRequests& known_;
  const Follower& follower_;
  struct Arriving {
    std::string owner;
    std::string digest;
    StoringPtr storing;
  };
  std::map<std::string, Arriving> arriving_;  ///< by id: requests that are being stored
  std::unique_ptr<bus::Producer> producer_;   ///< last member: calls back until it is destroyed
};

}  // namespace p2p::requests
