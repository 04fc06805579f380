#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/heartbeat.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/requests/observer.hpp"
#include "services/requests/state.hpp"

namespace p2p::requests {

struct ClientConfig {
  int user_queue = 20;
  std::optional<int> user_per_day;
  std::size_t most_words = 64u << 20u;             ///< bytes of the prompts of what has not ended; more requests are refused
  std::size_t most_words_per_owner = 16u << 20u;   ///< of those
  std::size_t most_ended = 50'000;                 ///< requests that ended and are still known; of more, the oldest are forgotten
  std::size_t most_ended_per_owner = 20'000;       ///< of those
  std::chrono::hours remember{24};                 ///< what is older is forgotten
  std::chrono::milliseconds store_within{10'000};  ///< how long Kafka may take to store what is submitted
  Heartbeat::Clock steady_clock = std::chrono::steady_clock::now;  ///< for tests; thread-safe. By it loops are known to be stuck
};

/// A message on its way into Kafka. Thread-safe.
class Storing {
 public:
  explicit Storing(std::chrono::milliseconds within) : until_(std::chrono::steady_clock::now() + within) {}
  /// Whether it is stored. Throws Refused: it was not taken, or Kafka does not answer in time.
  bool is_done() const;
  void end(bool stored) { state_ = stored ? State::stored : State::refused; }

 private:
  enum class State { sent, stored, refused };
  std::atomic<State> state_ = State::sent;
  const std::chrono::steady_clock::time_point until_;
};
using StoringPtr = std::shared_ptr<Storing>;

/// By what it is known that a call asks for the same as an earlier one.
struct Repeat {
  std::string key;        ///< the caller's own: the same key gives the same request; empty: none
  std::string digest;     ///< of the body; a key takes one body alone
  bool is_retry = false;  ///< the caller's library asks again by itself: the newest request with this body, of the last hour
};

/// The doors' way to requests: submits and cancels them, and knows what became of each, by the topics of events and control. Kafka is all
/// the state there is: any number of instances know the same, and a request that was submitted outlives them all. Thread-safe.
class Client {
 public:
  /// Keeps the references.
  Client(bus::Bus& bus, Metrics& metrics, const ClientConfig& config);
  ~Client();

  /// Has `observer` told of all changes. Before run(); it has to outlive run().
  void observe(Observer& observer);
  /// Follows the topics until `stop`.
  void run(const std::stop_token& stop);
  /// Why it cannot work at the moment; empty: it can.
  std::string problem() const;
  /// Whether run() is at its end: what waits is to wait no longer. watch() tells.
  bool stopping() const;
  /// Up to where the events are known; nothing before all that stood in the topic at the start is.
  std::optional<std::map<bus::TopicPartition, std::int64_t>> followed() const;

  /// What is called when something has happened, on any thread: quick, and of no call to the Client.
  using Wake = std::function<void()>;

  struct Submitted {
    std::string id;
    StoringPtr storing;
  };
  /// Submits a request for `owner`, which is accepted once it is stored. `request` lacks id and time. Throws Refused.
  Submitted submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake);
  /// Asks for the end of the owner's request, which is certain once it is stored; nullptr where there is no such request.
  StoringPtr cancel(const std::string& owner, const std::string& id, const Wake& wake);

  /// Nothing where there is no such request.
  std::optional<RequestState> find(const std::string& id) const;
  std::optional<RequestState> find(const std::string& owner, const std::string& id) const;
  /// Requests of the owner that no worker has begun.
  int waiting_of(const std::string& owner) const;
  /// Has `wake` called at each change of the request, which need not be known yet, and when the Client stops, as long as the result lives.
  std::shared_ptr<void> watch(const std::string& id, Wake wake) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether the id was made within the last seconds, so that another instance may have accepted it and this one not heard of it yet.
bool is_fresh(const std::string& id);

}  // namespace p2p::requests
