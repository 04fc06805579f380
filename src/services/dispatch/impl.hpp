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

/// The threads around the dispatcher. dispatch.cpp has the threads and the queries, observation.cpp the handling of events, leading.cpp the
/// leader. Lock order: leading_, the Client's, mutex_.
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
  void update_workers();
  /// mutex_ must be held.
  void wake();
  void tick();

  // --- observation.cpp
  void accepted(const RequestState& state) override;
  void changed(const RequestState& state, requests::Change change, const messages::Event& event) override;
  void cancelling(const RequestState& state) override;
  void unknown(const messages::Event& event) override;
  QueuedRequest queued(const RequestState& state) const;
  /// Called only by the leader, so that each request is counted once.
  void count_end(const RequestState& state);

  // --- leading.cpp
  void run_election(const std::stop_token& stop);
  void resign();
  void acquire_leadership(const std::stop_token& stop);
  /// Waits until all events that are in the topic now have been applied. False if leadership was lost.
  bool catch_up(const std::stop_token& stop);
  /// The last message for a request in its model's topic.
  struct SentTo {
    int dispatch = 0;
    int partition = 0;
  };
  /// By request id, from the models' topics since the given times. nullopt if leadership was lost meanwhile.
  std::optional<std::map<std::string, SentTo>> sent_since(const std::map<std::string, Time>& models, const std::stop_token& stop);
  /// Corrects the dispatcher's state of a request that has not started: whether it waits or was sent, according to the topics.
  void reconcile(const RequestState& state, const std::map<std::string, SentTo>& sent);
  bool may_lead() const { return leads_ && leader_.leads(); }
  // leading_ must be held, and may_lead() be true:
  void send_next(Time at);
  void send(const std::string& id, int partition);
  /// The number of the request's next or latest dispatch.
  int dispatch_of(const RequestState& state) const;
  /// The model's topic was re-created, so its messages are lost.
  void send_again(const std::string& model);
  /// Ends waiting requests that were cancelled or have waited too long.
  void end_waiting(Time at);
  /// Ends a request that no worker holds.
  void end(const std::string& id, messages::Event::What how);
  void send_control(const RequestState& state, messages::Control::Type type, int dispatch = 0);

  bus::Bus& bus_;
  Metrics& metrics_;
  requests::Client& requests_;
  DispatchConfig config_;

  std::mutex leading_;  ///< held while the leader sends, so that it has finished sending when it resigns
  std::atomic<bool> leads_ = false;
  std::map<std::string, int>
      dispatches_;          ///< by id, under leading_: raised numbers of requests that were sent again without a handed_back event
  Time next_housekeeping_;  ///< under leading_
  std::set<std::string> depth_models_;  ///< models with queue gauges; under leading_

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Dispatcher dispatcher_;
  Costs costs_;
  std::set<std::string> cancelling_;         ///< ids of requests to end as soon as no worker holds them
  bool end_now_ = false;                     ///< some of them are waiting
  bool awake_ = false;                       ///< there is work for run()
  std::set<std::string> served_;             ///< models that active workers serve
  std::map<std::string, std::string> logs_;  ///< by model ever served: id of its topic's log
  std::map<std::string, Time> unserved_;     ///< models with waiting requests that no worker ever served, and since when this is known

  Heartbeat worker_updates_{config_.steady_clock};
  Heartbeat elections_{config_.steady_clock};
  Heartbeat ticks_{config_.steady_clock};
  std::atomic<bool> workers_seen_ = false;

  Leader leader_;
  std::unique_ptr<bus::Producer> producer_;  ///< last member: calls back until it is destroyed
};

}  // namespace p2p::dispatch
