#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
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

  // The workers.

  /// Models with consequences of set_workers().
  struct Models {
    std::set<std::string> recreated;  ///< their topics were re-created
    std::set<std::string> unknown;    ///< requests wait for them, and no worker of this process' life served them
  };
  /// `log_of`: the id of a model's log of requests.
  Models set_workers(const std::vector<Worker>& workers, const std::function<std::string(const std::string& model)>& log_of);
  /// Models that no worker ever served.
  void set_never_served(const std::set<std::string>& models, Time now);
  /// The models that active workers serve.
  std::set<std::string> models() const;
  /// Whether an active worker serves the model now (true), did so before (false), or never did (nullopt).
  std::optional<bool> is_served(const std::string& model) const;

  // The leader's work.

  struct Work {
    std::vector<Assignment> to_send;
    std::vector<std::string> to_release;
  };
  /// What to send and to ask back now; counts as sent.
  Work next(Time now);
  struct Patience {
    std::chrono::milliseconds worker_grace{0};
    std::chrono::seconds longest_wait{0};
  };
  /// Takes the waiting requests that are to end: cancelled ones, those whose model no worker served for `worker_grace`, and those that
  /// waited for `longest_wait`. Looks only if some were cancelled since the last call, or if `all`.
  std::map<std::string, messages::Event::What> take_ended(Time now, const Patience& patience, bool all);
  /// The requests that wait or were sent, by id.
  std::set<std::string> unfinished() const;
  /// The requests of the model that are with workers, and where.
  std::vector<Assignment> sent(const std::string& model) const;
  /// The request waits here, and stands in that partition of its model's topic.
  void mark_sent(const RequestState& state, int partition);
  /// The request counts as sent here, and does not stand in its model's topic: it waits again. False if it waits already.
  bool mark_lost(const std::string& id);

  // Queries and waiting.

  Estimate estimate(const std::string& id, Time now) const;
  /// Calls `visit` with the dispatcher, which must not be kept.
  void with_dispatcher(const std::function<void(const Dispatcher& dispatcher)>& visit) const;
  /// Forgets that there is work, before looking for it.
  void clear_wake();
  /// Waits for wake(), for `most`, or, where `leads`, until the dispatcher may have more to send.
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
  std::set<std::string> cancelling_;         ///< ids of requests to end as soon as no worker holds them
  bool end_now_ = false;                     ///< some of them are waiting
  bool awake_ = false;                       ///< there is work for wait()'s caller
  std::set<std::string> served_;             ///< models that active workers serve
  std::map<std::string, std::string> logs_;  ///< by model ever served: id of its topic's log
  std::map<std::string, Time> unserved_;     ///< models with waiting requests that no worker ever served, and since when this is known
};

}  // namespace p2p::dispatch
