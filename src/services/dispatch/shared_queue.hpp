#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "services/dispatch/cost.hpp"
#include "services/dispatch/dispatcher.hpp"
#include "services/requests/observer.hpp"

namespace p2p::dispatch {

/// The requests of all doors that wait or are with workers, as the events and the workers' group say: the dispatcher and what it is fed
/// with. Thread-safe; the Client's lock may be held by the caller, and no call takes it.
class SharedQueue : public requests::Observer {
 public:
  using RequestState = requests::RequestState;
  /// Called for each start and end of a request, with the locks of the Client and of the queue held.
  using StartedOrEnded = std::function<void(const RequestState& state)>;

  SharedQueue(int user_in_flight, StartedOrEnded started, StartedOrEnded ended)
      : started_(std::move(started)), ended_(std::move(ended)), dispatcher_({.user_in_flight = user_in_flight}) {}

  void accepted(const RequestState& state) override;
  void changed(const RequestState& state, requests::Change change, const messages::Event& event) override;
  void cancelling(const RequestState& state) override;
  void unknown(const messages::Event& event) override;

  void set_workers(const std::vector<Worker>& workers);

  // The leader's work.

  struct Work {
    std::vector<Assignment> to_send;
    std::vector<std::string> to_release;
  };
  /// What to send and to ask back now; counts as sent.
  Work next(Time now);
  /// Takes the waiting requests that are to end: cancelled ones, those that waited for `longest_wait`, and those of models for which
  /// `is_hopeless`. Looks only if some were cancelled since the last call, or if `all`.
  std::map<std::string, messages::Event::What> take_ended(Time now, std::chrono::seconds longest_wait,
                                                          const std::function<bool(const std::string& model)>& is_hopeless, bool all);
  /// The request waits here, and stands in that partition of its model's topic.
  void mark_sent(const RequestState& state, int partition);
  /// The request counts as sent here, and does not stand in its model's topic: it waits again. False if it waits already.
  bool mark_lost(const std::string& id);

  // Queries and waiting.

  Estimate estimate(const std::string& id, Time now) const;
  /// Calls `visit` with the dispatcher, which must not be kept.
  void with_dispatcher(const std::function<void(const Dispatcher& dispatcher)>& visit) const;
  /// Waits for a change since the last call or for wake(), for `most`, or, where `leads`, until the dispatcher may have more to send.
  void wait(Time now, std::chrono::milliseconds most, bool leads);
  void wake();

 private:
  using Lock = std::unique_lock<std::mutex>;

  QueuedRequest queued(const RequestState& state) const;
  /// mutex_ must be held.
  void notify();

  StartedOrEnded started_;
  StartedOrEnded ended_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Dispatcher dispatcher_;
  Costs costs_;
  std::set<std::string> cancelling_;  ///< ids of requests to end as soon as no worker holds them
  bool end_now_ = false;              ///< some of them are waiting
  bool awake_ = true;                 ///< there is work for wait()'s caller
};

}  // namespace p2p::dispatch
