#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

/// Decides which request is served next, and by which worker.
namespace p2p::dispatch {

struct Limits {
  int user_in_flight = 2;               ///< how many workers one owner may occupy while others wait
  std::chrono::milliseconds ahead{50};  ///< estimated work that a worker may have queued, so that it has no pause between short requests
};

/// A worker, from the description of its consumer group.
struct Worker {
  std::string name;
  std::map<std::string, std::vector<int>> partitions;  ///< by model that it serves
};

/// A request that is waiting for a worker.
struct QueuedRequest {
  std::string id;
  std::string owner;  ///< fairness is per owner
  std::string model;
  Time accepted;
  double cost = 1;  ///< above 0; see Costs
};

/// A request to send, and the partition of its model's topic.
struct Assignment {
  std::string id;
  int partition = 0;
};

struct Estimate {
  int position = 0;                                     ///< 1: next; 0: not waiting
  bool with_worker = false;                             ///< it was sent to a worker
  std::optional<std::chrono::milliseconds> until_done;  ///< unset: no measurements yet, or no worker serves the model
};

/// Pure logic without clock and I/O, driven by Dispatch. Not thread-safe. Start-time fair queueing (SFQ): an owner's next request ranks
/// behind those of owners who have received less service, by cost; equal ranks are ordered by arrival. So distinct owners are served first
/// come, first served, and a burst of one owner delays another by one or two requests, however expensive the rest of the burst is.
class Dispatcher {
 public:
  explicit Dispatcher(Limits limits);
  ~Dispatcher();

  /// Sets the complete list of active workers. Requests in partitions whose owner changed remain sent: the new owner reads them.
  void set_workers(const std::vector<Worker>& workers);

  void add(const QueuedRequest& request);
  /// Adds a request that a previous leader has sent.
  void add_dispatched(const QueuedRequest& request, int partition);
  /// Removes a waiting request. False if it is not waiting.
  bool remove(const std::string& id);

  /// A worker has started to draw the request, whoever sent it.
  void started(const std::string& id, const std::string& worker, Time at);
  /// At 1 the request is drawn: its worker is free for the next one while it stores the picture.
  void progressed(const std::string& id, double fraction, Time at);
  /// The request has ended, with any outcome.
  void ended(const std::string& id);
  /// The request was handed back and waits again, at its old rank. False if it was not sent.
  bool handed_back(const std::string& id);

  /// A worker draws a request of another program: it has no room until that is drawn, or until a minute passes without an event of it.
  void others_started(const std::string& id, const std::string& worker, Time at);
  void others_progressed(const std::string& id, Time at);
  /// That request is drawn, or no longer with the worker.
  void others_ended(const std::string& id);

  /// The requests to send now, in order. They count as sent from then on.
  std::vector<Assignment> next(Time now);
  /// When next() may have more to send even without new input, because a worker's request is expected to end.
  std::optional<Time> next_check_at() const;
  /// Requests to recall from busy workers because another worker that serves their model is idle: sent, not started, and behind another
  /// request. Each is returned again only after two seconds.
  std::vector<std::string> to_release(Time now);

  /// The requests of the model that were sent, with their partitions.
  std::vector<Assignment> sent(const std::string& model) const;
  /// All waiting requests, in no particular order.
  void for_each_waiting(const std::function<void(const QueuedRequest& request)>& visit) const;

  /// Whether an active worker serves the model.
  bool is_served(const std::string& model) const;
  /// Positions may be up to a second old if very many requests wait.
  Estimate estimate(const std::string& id, Time now) const;
  /// Number of waiting requests of the owner, of any model.
  int waiting_of(const std::string& owner) const;
  struct Depth {
    int waiting = 0;
    int in_flight = 0;
    std::optional<Time> oldest;  ///< acceptance of the oldest waiting request
  };
  /// By model, for models with requests.
  std::map<std::string, Depth> depths() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::dispatch
