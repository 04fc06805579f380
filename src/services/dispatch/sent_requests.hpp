#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "services/dispatch/fair_queue.hpp"

namespace p2p::dispatch {

/// A request that was sent.
struct SentRequest {
  FairQueue::Entry entry;
  std::optional<int> partition;  ///< unset: sent by another process
  std::string worker;            ///< the current owner of the partition; empty: none at the moment
  std::optional<Time> started;
  double fraction = 0;
  Time fraction_at;
  std::optional<Time> recalled;
  bool drawn() const { return fraction >= 1; }
};

/// The requests that were sent and have not ended, and which worker holds each. Not thread-safe.
class SentRequests {
 public:
  using Ids = std::set<std::string>;

  /// Sets the active workers by name. Requests in partitions whose owner changed are held by the new owner, not started.
  void set_workers(const std::map<std::string, Worker>& workers);

  /// Adds a request, replacing one of the same id.
  void add(SentRequest sent);
  /// Removes and returns the request; nullopt if there is none.
  std::optional<SentRequest> take(const std::string& id);
  /// nullptr if there is none.
  SentRequest* find(const std::string& id);
  /// By id.
  const std::map<std::string, SentRequest>& all() const { return sent_; }

  void started(SentRequest& sent, const std::string& worker, Time at);
  /// Returns whether the request has been drawn now.
  bool progressed(SentRequest& sent, double fraction, Time at);

  /// Ids of the worker's requests that are not drawn.
  const Ids& held_by(const std::string& worker) const { return ids_of(by_worker_, worker); }
  /// Ids of the owner's requests that workers have and have not drawn.
  const Ids& of_owner(const std::string& owner) const { return ids_of(by_owner_, owner); }
  /// Whether workers have drawn everything.
  bool all_drawn() const { return by_owner_.empty(); }

 private:
  using Index = std::map<std::string, Ids>;

  static const Ids& ids_of(const Index& index, const std::string& key);
  std::string holder_of(const SentRequest& sent) const;
  void hold(const SentRequest& sent);
  void release(const SentRequest& sent);

  std::map<std::string, std::map<int, std::string>> owners_;  ///< of partitions: by model and partition, the worker
  Ids workers_;
  std::map<std::string, SentRequest> sent_;
  Index by_worker_;
  Index by_owner_;
};

}  // namespace p2p::dispatch
