#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

/// Who is served next, and by which worker. Pure: no clock, no I/O; the bot feeds it and acts on what it says. Not thread-safe.
namespace p2p::routing {

struct Limits {
  int user_in_flight = 2;  ///< workers that one user holds at most while others wait
  std::chrono::milliseconds ahead{
      50};  ///< work that a worker may have before it beyond its current request, so that short ones follow each other without a pause
};

/// A worker as the group's description has it.
struct Worker {
  std::string name;
  std::map<std::string, std::vector<int>> partitions;  ///< by model: what it serves and where it reads
};

/// A request that is not with a worker.
struct Waiting {
  std::string id;
  std::string user;  ///< fair share is by this
  std::string model;
  Time accepted;
};

/// Send the request to this partition of its model's topic.
struct Dispatch {
  std::string id;
  int partition = 0;
};

struct Estimate {
  int position = 0;                                     ///< 1: next; 0: with a worker
  std::optional<std::chrono::milliseconds> until_done;  ///< unset: nothing was measured yet, or no worker serves the model
};

/// Fair queueing by start tags (SFQ): each user's next request is placed behind those of users who were served less, requests of equal rank
/// in order of arrival; so distinct users are served first come, first served, and a burst of one user delays another by a request or two.
class Router {
 public:
  explicit Router(Limits limits);
  ~Router();

  /// The live workers, all of them. What was sent to partitions whose owner changed stays sent: the new owner reads it.
  void set_workers(const std::vector<Worker>& workers);

  void add(const Waiting& request);
  /// At a start: a request that is with a worker already.
  void add_dispatched(const Waiting& request, int partition, bool started);
  /// A waiting request that is no longer wanted. False if it does not wait here.
  bool remove(const std::string& id);

  void started(const std::string& id, Time at);
  /// At 1 it is drawn, and its worker is free for the next while it stores the picture.
  void progressed(const std::string& id, double fraction, Time at);
  /// It ended, whatever the outcome.
  void ended(const std::string& id);
  /// It was handed back and waits again, at its old rank. False if it was not sent from here.
  bool handed_back(const std::string& id);

  /// A worker draws a request that another program sent: it has no room until that is drawn.
  void others_started(const std::string& id, const std::string& worker);
  /// It is drawn, or no longer with that worker.
  void others_ended(const std::string& id);

  /// What to send now, in order; counts as sent.
  std::vector<Dispatch> next(Time now);
  /// When next() may have more to send though nothing is told until then: a worker's request is foreseen to end.
  std::optional<Time> look_again_at() const;
  /// Requests to ask back: sent and not started, behind another request of a busy worker, while a worker that serves their model idles.
  /// Each is named again only after two seconds.
  std::vector<std::string> to_release(Time now);

  /// By model: whether a live worker serves it.
  bool is_served(const std::string& model) const;
  /// Positions may be a second old where very many wait.
  Estimate estimate(const std::string& id, Time now) const;
  /// The user's requests that wait, whatever their model.
  int waiting_of(const std::string& user) const;
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

}  // namespace p2p::routing
