#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/heartbeat.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/requests/client.hpp"
#include "services/requests/known_requests.hpp"

namespace p2p::requests {

/// Follows the events and the control messages and applies them to the known requests.
class Follower {
 public:
  /// Keeps the references.
  Follower(bus::Bus& bus, Metrics& metrics, const ClientConfig& config, KnownRequests& known)
      : bus_(bus),
        known_(known),
        remember_(config.remember),
        event_reads_(config.steady_clock),
        control_reads_(config.steady_clock),
        unreadable_(dropped(metrics, "unreadable")),
        foreign_key_(dropped(metrics, "foreign_key")) {}

  /// Until `stop`.
  void run(const std::stop_token& stop);
  /// Why it cannot work at the moment; empty if it can. Thread-safe, as the following.
  std::string problem() const;
  /// Whether everything that was in the topic at start has been applied.
  bool caught_up() const { return caught_up_; }
  /// As Client::stopping().
  bool stopping() const { return stopping_; }
  /// As Client::followed(). Requires the lock of the known requests.
  const std::optional<std::map<bus::TopicPartition, std::int64_t>>& followed() const { return followed_; }

 private:
  void apply_events(const std::vector<bus::Record>& records, const bus::LogReader& reader);
  void apply_event(const bus::Record& record, const messages::Event& event);
  void apply_control(const std::vector<bus::Record>& records);
  static Counter dropped(Metrics& metrics, const char* reason);

  bus::Bus& bus_;
  KnownRequests& known_;
  std::chrono::hours remember_;
  std::optional<std::map<bus::TopicPartition, std::int64_t>> followed_;
  std::atomic<bool> caught_up_ = false;
  std::atomic<bool> stopping_ = false;
  Heartbeat event_reads_;
  Heartbeat control_reads_;
  const Counter unreadable_;
  const Counter foreign_key_;
};

}  // namespace p2p::requests
