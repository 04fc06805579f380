#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/heartbeat.hpp"
#include "services/dispatch/leader.hpp"
#include "services/dispatch/sender.hpp"

namespace p2p::dispatch {

/// Takes part in the election of the leader, on a thread of its own, and prepares the queue before it leads: all events and all messages to
/// workers that are in Kafka then are taken into account.
class Election {
 public:
  /// Keeps the references. `trust_within`: see Leader.
  Election(bus::Bus& bus, const requests::Client& requests, SharedQueue& queue, Sender& sender, std::chrono::milliseconds trust_within,
           const Heartbeat::Clock& clock)
      : bus_(bus), requests_(requests), queue_(queue), sender_(sender), polls_(clock), leader_(bus, trust_within, [this] { resign(); }) {}

  /// Until `stop`.
  void run(const std::stop_token& stop);

  /// Held by the leader while it sends, so that it has finished sending when it resigns. Locked before the Client's lock.
  std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
  /// Whether this process leads, and that is not in doubt. Stays so under lock(), but for doubt. Thread-safe.
  bool leads() const { return leads_ && leader_.leads(); }
  /// Whether this process leads, even if in doubt. Thread-safe.
  bool is_elected() const { return leads_; }
  /// Stamped at each poll. Thread-safe.
  const Heartbeat& polls() const { return polls_; }

 private:
  using RequestState = requests::RequestState;

  void acquire(const std::stop_token& stop);
  void resign();
  /// Waits until all events that are in the topic now have been applied. False if leadership was lost.
  bool catch_up(const std::stop_token& stop);
  /// By request id, from the models' topics since the given times. nullopt if leadership was lost meanwhile.
  std::optional<std::map<std::string, Sender::SentTo>> sent_since(const std::map<std::string, Time>& models, const std::stop_token& stop);

  bus::Bus& bus_;
  const requests::Client& requests_;
  SharedQueue& queue_;
  Sender& sender_;
  Heartbeat polls_;
  mutable std::mutex mutex_;
  std::atomic<bool> leads_ = false;
  Leader leader_;
};

}  // namespace p2p::dispatch
