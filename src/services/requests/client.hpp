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
  std::size_t most_words = 64u << 20u;             ///< total bytes of prompts of unfinished requests; beyond, requests are refused
  std::size_t most_words_per_owner = 16u << 20u;   ///< the same per owner
  std::size_t most_ended = 50'000;                 ///< ended requests to remember; beyond, the oldest are forgotten
  std::size_t most_ended_per_owner = 20'000;       ///< the same per owner
  std::chrono::hours remember{24};                 ///< older requests are forgotten
  std::chrono::milliseconds store_within{10'000};  ///< how long Kafka may take to store a submitted message
  Heartbeat::Clock steady_clock = std::chrono::steady_clock::now;  ///< detects stuck loops; replaced in tests; thread-safe
};

/// A message that is prepared and then stored in Kafka. Thread-safe.
class Storing {
 public:
  /// Whether it is stored. Throws Refused if Kafka refused it or does not answer in time, or if it could not be prepared.
  bool is_done() const;
  /// It is sent now, and has to be stored within that time.
  void sent(std::chrono::milliseconds within) { until_ = std::chrono::steady_clock::now() + within; }
  /// It could not be prepared.
  void give_up() { until_ = std::chrono::steady_clock::time_point::min(); }
  void end(bool stored) { state_ = stored ? State::stored : State::refused; }

 private:
  enum class State { open, stored, refused };
  std::atomic<State> state_ = State::open;
  std::atomic<std::chrono::steady_clock::time_point> until_ = std::chrono::steady_clock::time_point::max();
};
using StoringPtr = std::shared_ptr<Storing>;

/// Identifies calls that repeat an earlier one.
struct Repeat {
  std::string key;        ///< chosen by the client: the same key means the same request; empty: none
  std::string digest;     ///< digest of the body; a key belongs to one body
  bool is_retry = false;  ///< an automatic retry by the client's library: joins the newest request of the last hour with this body
};

/// Gives doors access to requests: submits, cancels, and follows all of them through the events and control topics. Kafka holds the only
/// durable state, so instances are interchangeable, and a submitted request outlives them. Thread-safe.
class Client {
 public:
  /// Keeps the references.
  Client(bus::Bus& bus, Metrics& metrics, const ClientConfig& config);
  ~Client();

  /// Registers an observer of all changes. To be called before run(), which the observer must outlive.
  void observe(Observer& observer);
  /// Follows the topics until `stop`.
  void run(const std::stop_token& stop);
  /// Why it cannot work at the moment; empty if it can.
  std::string problem() const;
  /// Whether run() is ending, so that waiting calls should return. Wakes watch().
  bool stopping() const;
  /// Offsets up to which the events have been applied; nullopt until everything that was in the topic at start has been.
  std::optional<std::map<bus::TopicPartition, std::int64_t>> followed() const;

  /// A notification, called on any thread. Must be quick and must not call the Client.
  using Wake = std::function<void()>;

  struct Submitted {
    std::string id;
    StoringPtr storing;
  };
  /// Completes a request that is about to be sent: it has its id and time, is within the limits and repeats no other. May take long.
  using Prepare = std::function<void(messages::Request& request)>;
  /// Submits a request for `owner`. It is accepted once it is stored. `request` has no id and time yet. Throws Refused, and what `prepare`,
  /// if set, throws; then nothing is sent.
  Submitted submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake,
                   const Prepare& prepare = {});
  /// Requests the cancellation of the owner's request, which is certain once the message is stored; nullptr if there is no such request.
  StoringPtr cancel(const std::string& owner, const std::string& id, const Wake& wake);

  /// nullopt if there is no such request.
  std::optional<RequestState> find(const std::string& id) const;
  std::optional<RequestState> find(const std::string& owner, const std::string& id) const;
  /// Number of the owner's requests that no worker has started.
  int waiting_of(const std::string& owner) const;
  /// The owner's request that is drawn, or else the oldest that waits.
  std::optional<std::string> current_of(const std::string& owner) const;
  /// Requests of all owners that have not ended.
  int unfinished() const;
  /// Calls `wake` at each change of the request, which may be unknown yet, and when the Client stops, until the result is destroyed.
  std::shared_ptr<void> watch(const std::string& id, Wake wake) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether the id was created within the last seconds, so that another instance may have accepted it and its event not have arrived here
/// yet.
bool is_fresh(const std::string& id);

}  // namespace p2p::requests
