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
  std::optional<int> partition;  ///< unset: another sent it
  std::string worker;            ///< who holds it: the partition's owner now; empty: it has none at the moment
  std::optional<Time> started;
  double fraction = 0;
  Time fraction_at;
  std::optional<Time> asked_back;
  bool drawn() const { return fraction >= 1; }
};

/// The workers, what each holds, and how fast each has been.
class WorkerPool {
 public:
  explicit WorkerPool(std::chrono::milliseconds ahead) : ahead_(ahead) {}

  void set_workers(const std::vector<Worker>& workers);

  /// In the place of one of the same id.
  void add(SentRequest sent);
  /// Takes it out; nothing if it is not here.
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

  /// Whether nobody draws anything from here.
  bool idles() const { return by_owner_.empty(); }
  bool serves(const std::string& model) const;
  /// The fastest worker that serves the model and has room; null if none has. `idle`: that holds nothing.
  const Worker* with_room(const std::string& model, Time now, bool idle = false) const;
  /// One of the worker's partitions, each in turn.
  int partition_for(const Worker& worker, const std::string& model);
  /// When the first worker of the model without room gets some, as far as that is foreseen.
  std::optional<Time> room_at(const std::string& model, Time now) const;
  /// Requests that a owner has with workers and that are not drawn.
  int held_by(const std::string& owner) const;

  /// Seconds that a request of cost 1 takes on the pool's average worker; nothing before any was measured.
  std::optional<double> mean_seconds(const std::string& model) const;
  /// Requests of cost 1 a second of all its workers.
  double rate(const std::string& model) const;
  /// Until it is drawn.
  std::optional<std::chrono::milliseconds> remaining(const SentRequest& sent, Time now) const;
  bool is_behind_another(const SentRequest& sent) const;

 private:
  using ByModel = std::map<std::string, double>;

  std::string holder_of(const SentRequest& sent) const;
  void hold(const SentRequest& sent);
  void let_go(const SentRequest& sent);
  std::optional<double> seconds_of(const std::string& worker, const std::string& model) const;
  /// Work that the worker has before it, in seconds; nothing if it cannot be said.
  std::optional<double> work_of(const std::string& worker, Time now) const;

  std::chrono::milliseconds ahead_;
  std::map<std::string, Worker> workers_;
  std::map<std::string, std::map<int, std::string>> owners_;  ///< by model and partition
  std::map<std::string, SentRequest> sent_;
  std::map<std::string, std::set<std::string>> held_;  ///< by worker: ids that are not drawn
  struct Other {
    std::string id;
    Time heard;
  };
  std::map<std::string, Other> others_;                    ///< by worker: another program's request that it draws
  std::map<std::string, std::set<std::string>> by_owner_;  ///< ids that are with workers and not drawn
  std::map<std::string, ByModel> seconds_;                 ///< by worker: moving averages, for a cost of 1
  ByModel model_seconds_;
  std::map<std::string, std::size_t> turn_;
};

}  // namespace p2p::dispatch
