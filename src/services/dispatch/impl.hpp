#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "services/dispatch/cost.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/dispatch/leader.hpp"
#include "services/requests/observer.hpp"

namespace p2p::dispatch {

/// The threads around the dispatcher. dispatch.cpp has the threads and what is asked, observation.cpp what events tell, leading.cpp what
/// the leader does. Locks are taken in this order: leading_, the Client's, mutex_.
class Dispatch::Impl : public requests::Observer {
 public:
  Impl(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config);
  void run(const std::stop_token& stop);
  std::string problem() const;
  void check_served(const std::string& model) const;
  std::set<std::string> models() const;
  Estimate estimate(const std::string& id) const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using RequestState = requests::RequestState;

  // --- dispatch.cpp
  void watch_workers(const std::stop_token& stop);
  void look_at_workers();
  /// mutex_ is held.
  void wake();
  void tick();

  // --- observation.cpp
  void accepted(const RequestState& state) override;
  void changed(const RequestState& state, requests::Change change, const messages::Event& event) override;
  void cancelling(const RequestState& state) override;
  void unknown(const messages::Event& event) override;
  QueuedRequest queued(const RequestState& state) const;
  /// The leader's, so that each request counts once.
  void count_end(const RequestState& state);

  // --- leading.cpp
  void keep_lead(const std::stop_token& stop);
  void lose_lead();
  void take_lead(const std::stop_token& stop);
  /// Waits until the followed events are those that stand in the topic now. False if the lead is gone.
  bool catch_up(const std::stop_token& stop);
  /// Where the last message for each request stands in the models' topics, from those times on; by the request's id.
  struct SentTo {
    int dispatch = 0;
    int partition = 0;
  };
  /// Nothing if the lead is gone meanwhile.
  std::optional<std::map<std::string, SentTo>> sent_since(const std::map<std::string, Time>& models, const std::stop_token& stop);
  /// What waits here, or was sent from here and has not begun: by the topics, it waits or is with a worker.
  void place(const RequestState& state, const std::map<std::string, SentTo>& sent);
  bool may_lead() const { return leads_ && leader_.leads(); }
  // leading_ is held, and may_lead():
  void send_next(Time at);
  void send(const std::string& id, int partition);
  /// The dispatch that the request is sent with, or was sent with last.
  int dispatch_of(const RequestState& state) const;
  /// The model's topic was made anew: what stood in it is gone.
  void send_again(const std::string& model);
  /// Ends what nobody wants any more and what has waited too long.
  void end_waiting(Time at);
  /// Ends a request that no worker holds.
  void end(const std::string& id, messages::EventType type, std::string_view reason);
  void ask(const RequestState& state, messages::Control::Type type, int dispatch = 0);

  bus::Bus& bus_;
  Metrics& metrics_;
  requests::Client& requests_;
  DispatchConfig config_;

  std::mutex leading_;  ///< held while the leader sends, so that it has sent all when it loses the lead
  std::atomic<bool> leads_ = false;
  std::map<std::string, int> dispatches_;  ///< by id, under leading_: of what was sent again though no event told that it had to be
  Time next_housekeeping_;                 ///< under leading_
  std::set<std::string> depths_told_;      ///< models, under leading_

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Dispatcher dispatcher_;
  Costs costs_;
  std::set<std::string> cancelling_;         ///< ids of what is to end as soon as no worker holds it
  bool end_now_ = false;                     ///< there are some that wait
  bool awake_ = false;                       ///< something has happened that run() is to look at
  std::set<std::string> served_;             ///< models
  std::map<std::string, std::string> logs_;  ///< of the topics of all models that were ever served here
  std::map<std::string, Time> unserved_;     ///< models that wait and that no worker ever served: since when that is known

  Heartbeat worker_looks_{config_.steady_clock};
  Heartbeat lead_turns_{config_.steady_clock};
  Heartbeat turns_{config_.steady_clock};
  std::atomic<bool> workers_seen_ = false;

  Leader leader_;
  std::unique_ptr<bus::Producer> producer_;  ///< the last: it calls back until it ends
};

}  // namespace p2p::dispatch
