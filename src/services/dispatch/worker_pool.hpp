#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

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

/// The workers, the requests sent to them, and their measured speeds. Not thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(std::chrono::milliseconds ahead) : ahead_(ahead) {}

  void set_workers(const std::vector<Worker>& workers);

  /// Adds a request, replacing one of the same id.
  void add(SentRequest sent);
  /// Removes and returns the request; nullopt if there is none.
  std::optional<SentRequest> take(const std::string& id);
  SentRequest* find(const std::string& id);
  const std::map<std::string, SentRequest>& sent() const { return sent_; }

  void started(SentRequest& sent, const std::string& worker, Time at);
  void progressed(SentRequest& sent, double fraction, Time at);

  /// As in Dispatcher.
  void others_started(const std::string& id, const std::string& worker, Time at) { others_[worker] = {id, at}; }
  void others_progressed(const std::string& id, Time at);
  void others_ended(const std::string& id);
  void forget_others(Time now);

  /// Whether no worker has a request that is not drawn.
  bool idles() const { return by_owner_.empty(); }
  bool serves(const std::string& model) const;
  /// The fastest worker that serves the model and has room; nullptr if there is none. `idle`: only workers without requests.
  const Worker* with_room(const std::string& model, Time now, bool idle = false) const;
  /// One of the worker's partitions, round robin.
  int partition_for(const Worker& worker, const std::string& model);
  /// When the first worker of the model is expected to have room again.
  std::optional<Time> room_at(const std::string& model, Time now) const;
  /// Number of the owner's requests that workers have and have not drawn.
  int held_by(const std::string& owner) const;

  /// Seconds for a request of cost 1 on the average worker; nullopt before the first measurement.
  std::optional<double> mean_seconds(const std::string& model) const;
  /// Requests of cost 1 per second by all workers of the model.
  double rate(const std::string& model) const;
  /// Estimated time until the request is drawn.
  std::optional<std::chrono::milliseconds> remaining(const SentRequest& sent, Time now) const;
  bool is_behind_another(const SentRequest& sent) const;

 private:
  using ByModel = std::map<std::string, double>;

  std::string holder_of(const SentRequest& sent) const;
  void hold(const SentRequest& sent);
  void release(const SentRequest& sent);
  std::optional<double> seconds_of(const std::string& worker, const std::string& model) const;
  /// Estimated work of the worker, in seconds; nullopt if unknown.
  std::optional<double> work_of(const std::string& worker, Time now) const;

  std::chrono::milliseconds ahead_;
  std::map<std::string, Worker> workers_;
  std::map<std::string, std::map<int, std::string>> owners_;  ///< by model and partition
  std::map<std::string, SentRequest> sent_;
  std::map<std::string, std::set<std::string>> held_;  ///< by worker: ids of requests that are not drawn
  struct Other {
    std::string id;
    Time last_event;
  };
  std::map<std::string, Other> others_;                    ///< by worker: the request of another program that it draws
  std::map<std::string, std::set<std::string>> by_owner_;  ///< ids of requests that workers have and have not drawn
  std::map<std::string, ByModel> seconds_;                 ///< by worker: moving averages, for cost 1
  ByModel model_seconds_;
  std::map<std::string, std::size_t> turn_;
};

}  // namespace p2p::dispatch
