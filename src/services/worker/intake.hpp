#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/heartbeat.hpp"
#include "services/worker/dead_letters.hpp"
#include "services/worker/ledger.hpp"
#include "services/worker/tasks.hpp"

namespace p2p::worker {

/// Takes the requests that Kafka assigns to this worker, and follows the changes of the assignment. For the poll thread, except problem().
class Intake {
 public:
  /// Keeps the references.
  Intake(bus::Bus& bus, const WorkerConfig& config, Membership& membership, Tasks& tasks, const EventWriter& events,
         const WorkerMetrics& metrics)
      : config_(config),
        membership_(membership),
        tasks_(tasks),
        metrics_(metrics),
        dead_letters_(config.name, membership, events, metrics),
        ledger_(bus) {}

  void poll(const std::stop_token& stop);

  // The functions of bus::Subscription::Events; revoked() leaves it to the caller to flush the producer.
  void assigned(const std::vector<bus::TopicPartition>& given);
  void revoked(const std::vector<bus::TopicPartition>& taken, bool lost);
  void vanished(const std::vector<bus::TopicPartition>& partitions);

  /// Stamped at each poll(). Thread-safe.
  Heartbeat& polls() { return polls_; }
  const Heartbeat& polls() const { return polls_; }
  /// Why it takes no requests; empty if it does. Thread-safe.
  std::string problem() const;

 private:
  void take(const bus::Record& record, const std::stop_token& stop);
  /// Whether the record is done with because the request is held or has ended.
  bool is_repeated(const bus::Record& record, const messages::Request& request);
  /// The record is of a request that is held.
  void take_repeated(const bus::Record& record, const messages::Request& request, Task& held);
  /// Reads what the events say of the request, retrying if the brokers fail, because it must not be drawn before that is known. nullopt if
  /// `stop` came first.
  std::optional<Ledger::State> look_up(const messages::Request& request, Time since, const std::stop_token& stop);

  const WorkerConfig& config_;
  Membership& membership_;
  Tasks& tasks_;
  const WorkerMetrics& metrics_;
  DeadLetters dead_letters_;
  Ledger ledger_;
  Heartbeat polls_{config_.clock};
  Heartbeat looked_up_{config_.clock};  ///< start of look_up(), while it runs
  std::atomic<bool> looking_up_ = false;
};

}  // namespace p2p::worker
