#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/routing/fair_queue.hpp"

namespace p2p::routing {

/// A request that was sent.
struct Sent {
  FairQueue::Entry entry;
  int partition = 0;
  std::string worker;  ///< the partition's owner now; empty: it has none at the moment
  std::optional<Time> started;
  double fraction = 0;
  Time fraction_at;
  std::optional<Time> asked_back;
  bool drawn() const { return fraction >= 1; }
};

/// The workers, what each holds, and how fast each has been.
class Fleet {
 public:
  explicit Fleet(std::chrono::milliseconds ahead) : ahead_(ahead) {}

  void set_workers(const std::vector<Worker>& workers);

  void add(Sent sent);
  /// Takes it out; nothing if it is not here.
  std::optional<Sent> take(const std::string& id);
  Sent* find(const std::string& id);
  const std::map<std::string, Sent>& sent() const { return sent_; }

  void started(Sent& sent, Time at);
  void progressed(Sent& sent, double fraction, Time at);

  /// As in Router.
  void others_started(const std::string& id, const std::string& worker) { others_[worker] = id; }
  void others_ended(const std::string& id);

  bool serves(const std::string& model) const;
  /// The fastest worker that serves the model and has room; null if none has. `idle`: that holds nothing.
  const Worker* with_room(const std::string& model, Time now, bool idle = false) const;
  /// One of the worker's partitions, each in turn.
  int partition_for(const Worker& worker, const std::string& model);
  /// When the first worker of the model without room gets some, as far as that is foreseen.
  std::optional<Time> room_at(const std::string& model, Time now) const;
  /// Requests that a user has with workers and that are not drawn.
  int held_by(const std::string& user) const;

  /// Seconds that one request takes on the fleet's average worker; nothing before any was measured.
  std::optional<double> mean_seconds(const std::string& model) const;
  /// Requests a second of all its workers.
  double rate(const std::string& model) const;
  /// Until it is drawn.
  std::optional<std::chrono::milliseconds> remaining(const Sent& sent, Time now) const;
  bool is_behind_another(const Sent& sent) const;

 private:
  using ByModel = std::map<std::string, double>;

  void hold(const Sent& sent);
  void let_go(const Sent& sent);
  std::optional<double> seconds_of(const std::string& worker, const std::string& model) const;
  /// Work that the worker has before it, in seconds; nothing if it cannot be said.
  std::optional<double> work_of(const std::string& worker, Time now) const;

  std::chrono::milliseconds ahead_;
  std::map<std::string, Worker> workers_;
  std::map<std::string, std::map<int, std::string>> owners_;  ///< by model and partition
  std::map<std::string, Sent> sent_;
  std::map<std::string, std::set<std::string>> held_;  ///< by worker: ids that are not drawn
  std::map<std::string, std::string> others_;          ///< by worker: another program's request that it draws
  std::map<std::string, int> by_user_;
  std::map<std::string, ByModel> seconds_;  ///< by worker: moving averages
  ByModel model_seconds_;
  std::map<std::string, std::size_t> turn_;
};

}  // namespace p2p::routing
