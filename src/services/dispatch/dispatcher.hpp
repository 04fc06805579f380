#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/dispatch/fair_queue.hpp"
#include "services/dispatch/types.hpp"
#include "services/dispatch/worker_pool.hpp"

/// Decides which request is served next, and by which worker.
namespace p2p::dispatch {

struct Limits {
  int user_in_flight = 2;               ///< how many workers one owner may occupy while others wait
  std::chrono::milliseconds ahead{50};  ///< estimated work that a worker may have queued, so that it has no pause between short requests
};

/// Pure logic without clock and I/O, driven by Dispatch. Not thread-safe. Start-time fair queueing (SFQ): an owner's next request ranks
/// behind those of owners who have received less service, by cost; equal ranks are ordered by arrival. So distinct owners are served first
/// come, first served, and a burst of one owner delays another by one or two requests, however expensive the rest of the burst is.
class Dispatcher {
 public:
  explicit Dispatcher(Limits limits) : limits_(limits), pool_(limits.ahead) {}

  /// Sets the complete list of active workers. Requests in partitions whose owner changed remain sent: the new owner reads them.
  void set_workers(const std::vector<Worker>& workers) { pool_.set_workers(workers); }

  void add(const QueuedRequest& request) { queue_.add(request); }
  /// Adds a request that a previous leader has sent.
  void add_dispatched(const QueuedRequest& request, int partition);
  /// Removes a waiting request. False if it is not waiting.
  bool remove(const std::string& id) { return queue_.take(id, false).has_value(); }

  /// A worker has started to draw the request, whoever sent it.
  void started(const std::string& id, const std::string& worker, Time at);
  /// At 1 the request is drawn: its worker is free for the next one while it stores the picture.
  void progressed(const std::string& id, double fraction, Time at);
  /// The request has ended, with any outcome.
  void ended(const std::string& id);
  /// The request was handed back and waits again, at its old rank. False if it was not sent.
  bool handed_back(const std::string& id);

  /// A worker that draws one of these has no room until that is drawn, or until a minute passes without an event of it.
  OtherRequests& others() { return pool_.others(); }

  /// The requests to send now, in order. They count as sent from then on.
  std::vector<Assignment> next(Time now);
  /// When next() may have more to send even without new input, because a worker's request is expected to end.
  std::optional<Time> next_check_at() const { return next_check_; }
  /// Requests to recall from busy workers because another worker that serves their model is idle: sent, not started, and behind another
  /// request. Each is returned again only after two seconds.
  std::vector<std::string> to_release(Time now);

  /// Waiting requests by id.
  const std::map<std::string, FairQueue::Entry>& waiting() const { return queue_.entries(); }
  /// Requests that were sent and have not ended, by id.
  const std::map<std::string, SentRequest>& sent() const { return pool_.sent().all(); }
  /// Positions may be up to a second old if very many requests wait.
  Estimate estimate(const std::string& id, Time now) const;

 private:
  struct Positions {
    Time made;
    std::map<std::string, int> by_id;
    std::vector<double> before;  ///< by position, from 1: total cost of the requests before it, plus one in progress
  };

  void predict(Time now);
  int position(const std::string& model, const std::string& id, Time now) const;

  Limits limits_;
  FairQueue queue_;
  WorkerPool pool_;
  mutable std::map<std::string, Positions> positions_;  ///< by model
  std::optional<Time> next_check_;
};

}  // namespace p2p::dispatch
