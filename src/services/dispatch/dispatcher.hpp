#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

/// Who is served next, and by which worker.
namespace p2p::dispatch {

struct Limits {
  int user_in_flight = 2;  ///< workers that one owner holds at most while others wait
  std::chrono::milliseconds ahead{
      50};  ///< work that a worker may have before it beyond its current request, so that short ones follow each other without a pause
};

/// A worker as the group's description has it.
struct Worker {
  std::string name;
  std::map<std::string, std::vector<int>> partitions;  ///< by model: what it serves and where it reads
};

/// A request that is not with a worker.
struct QueuedRequest {
  std::string id;
  std::string owner;  ///< fair share is by this
  std::string model;
  Time accepted;
  double cost = 1;  ///< above 0; see Costs
};

/// Send the request to this partition of its model's topic.
struct Assignment {
  std::string id;
  int partition = 0;
};

struct Estimate {
  int position = 0;                                     ///< 1: next; 0: it does not wait
  bool with_worker = false;                             ///< a worker has it
  std::optional<std::chrono::milliseconds> until_done;  ///< unset: nothing was measured yet, or no worker serves the model
};

/// Pure: no clock, no I/O; Dispatch feeds it and acts on what it says. Not thread-safe. Fair queueing by start tags (SFQ): each owner's
/// next request is placed behind those of owners who were served less, by cost, requests of equal rank in order of arrival; so distinct
/// owners are served first come, first served, and a burst of one owner delays another by a request or two, however dear the others of the
/// burst are.
class Dispatcher {
 public:
  explicit Dispatcher(Limits limits);
  ~Dispatcher();

  /// The live workers, all of them. What was sent to partitions whose owner changed stays sent: the new owner reads it.
  void set_workers(const std::vector<Worker>& workers);

  void add(const QueuedRequest& request);
  /// A request that was sent before this one led.
  void add_dispatched(const QueuedRequest& request, int partition);
  /// A waiting request that is no longer wanted. False if it does not wait here.
  bool remove(const std::string& id);

  /// A worker draws it, whoever sent it.
  void started(const std::string& id, const std::string& worker, Time at);
  /// At 1 it is drawn, and its worker is free for the next while it stores the picture.
  void progressed(const std::string& id, double fraction, Time at);
  /// It ended, whatever the outcome.
  void ended(const std::string& id);
  /// It was handed back and waits again, at its old rank. False if it was not sent from here.
  bool handed_back(const std::string& id);

  /// A worker draws a request that another program sent: it has no room until that is drawn, or nothing was told of it for a minute.
  void others_started(const std::string& id, const std::string& worker, Time at);
  void others_progressed(const std::string& id, Time at);
  /// It is drawn, or no longer with that worker.
  void others_ended(const std::string& id);

  /// What to send now, in order; counts as sent.
  std::vector<Assignment> next(Time now);
  /// When next() may have more to send though nothing is told until then: a worker's request is foreseen to end.
  std::optional<Time> look_again_at() const;
  /// Requests to ask back: sent and not started, behind another request of a busy worker, while a worker that serves their model idles.
  /// Each is named again only after two seconds.
  std::vector<std::string> to_release(Time now);

  /// What is with workers of the model, where it was sent to.
  std::vector<Assignment> sent(const std::string& model) const;
  /// All that waits, in no order.
  void for_each_waiting(const std::function<void(const QueuedRequest& request)>& visit) const;

  /// By model: whether a live worker serves it.
  bool is_served(const std::string& model) const;
  /// Positions may be a second old where very many wait.
  Estimate estimate(const std::string& id, Time now) const;
  /// The owner's requests that wait, whatever their model.
  int waiting_of(const std::string& owner) const;
  struct Depth {
    int waiting = 0;
    int in_flight = 0;
    std::optional<Time> oldest;  ///< of those waiting
  };
  /// By model, of those that have any.
  std::map<std::string, Depth> depths() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::dispatch
