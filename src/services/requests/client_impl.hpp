#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "services/requests/client.hpp"
#include "services/requests/table.hpp"

namespace p2p::requests {

/// client.cpp has the threads that follow topics, submit.cpp publishes messages.
class Client::Impl {
 public:
  using Event = messages::Event;
  using Lock = std::unique_lock<std::mutex>;

  Impl(bus::Bus& bus, Metrics& metrics, const ClientConfig& config)
      : bus_(bus),
        metrics_(metrics),
        config_(config),
        table_({.all = config.most_ended, .per_owner = config.most_ended_per_owner, .age = config.remember}),
        producer_(bus.producer()) {}

  void run(const std::stop_token& stop);
  std::string problem() const;
  Submitted submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake);
  StoringPtr cancel(const std::string& owner, const std::string& id, const Wake& wake);
  std::shared_ptr<void> watch(const std::string& id, Wake wake) const;

  // All of the following require lock().
  const Table& table() const { return table_; }
  bool stopping() const { return stopping_; }
  const auto& followed() const { return followed_; }
  void observe(Observer& observer) { observers_.push_back(&observer); }
  Lock lock() const { return Lock(mutex_); }

 private:
  void apply_events(const std::vector<bus::Record>& records, const bus::LogReader& reader);
  void apply_control(const std::vector<bus::Record>& records);
  // The mutex must be held:
  void apply(const bus::Record& record, const Event& event);
  void apply_cancel(const std::string& id);
  void add(RequestState state);
  void changed(const std::string& id) const;
  /// The request of an earlier identical call; `id` is derived from the key. Throws Refused.
  std::optional<Submitted> known_repeat(const std::string& owner, std::string id, const Repeat& repeat) const;
  /// Throws Refused.
  void check_limits(const std::string& owner) const;
  /// Sends the message; `then` is called with the outcome, under the mutex.
  void store(const StoringPtr& storing, bus::Outgoing message, const Wake& wake, std::function<void(bool stored)> then);

  bus::Bus& bus_;
  Metrics& metrics_;
  ClientConfig config_;
  std::vector<Observer*> observers_;

  mutable std::mutex mutex_;
  Table table_;
  struct Arriving {
    std::string owner;
    std::string digest;
    StoringPtr storing;
  };
  std::map<std::string, Arriving> arriving_;  ///< by id: requests that are being stored
  mutable std::multimap<std::string, Wake> watches_;
  std::optional<std::map<bus::TopicPartition, std::int64_t>> followed_;
  bool stopping_ = false;

  std::atomic<bool> caught_up_ = false;
  Heartbeat event_reads_{config_.steady_clock};
  Heartbeat control_reads_{config_.steady_clock};
  std::unique_ptr<bus::Producer> producer_;  ///< last member: calls back until it is destroyed
};

}  // namespace p2p::requests
