#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/dispatch/other_requests.hpp"
#include "services/dispatch/sent_requests.hpp"
#include "services/dispatch/worker_speeds.hpp"

namespace p2p::dispatch {

/// The workers, the requests that they have, and their measured speeds. Not thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(std::chrono::milliseconds ahead) : ahead_(ahead) {}

  void set_workers(const std::vector<Worker>& workers);
  SentRequests& sent() { return sent_; }
  const SentRequests& sent() const { return sent_; }
  OtherRequests& others() { return others_; }

  void started(SentRequest& sent, const std::string& worker, Time at);
  void progressed(SentRequest& sent, double fraction, Time at);

  /// The fastest worker that serves the model and has room; nullptr if there is none. `idle`: only workers without requests.
  const Worker* with_room(const std::string& model, Time now, bool idle = false) const;
  /// One of the worker's partitions, round robin.
  int partition_for(const Worker& worker, const std::string& model);
  /// When the first worker of the model is expected to have room again.
  std::optional<Time> room_at(const std::string& model, Time now) const;

  const WorkerSpeeds& speeds() const { return speeds_; }
  /// Requests of cost 1 per second by all workers of the model; 0 before the first measurement.
  double rate(const std::string& model) const;
  /// Estimated time until the request is drawn.
  std::optional<std::chrono::milliseconds> remaining(const SentRequest& sent, Time now) const;
  bool is_behind_another(const SentRequest& sent) const;

 private:
  /// Estimated work of the worker, in seconds; nullopt if unknown.
  std::optional<double> work_of(const std::string& worker, Time now) const;

  std::chrono::milliseconds ahead_;
  std::map<std::string, Worker> workers_;  ///< by name
  SentRequests sent_;
  OtherRequests others_;
  WorkerSpeeds speeds_;
  std::map<std::string, std::size_t> turn_;
};

}  // namespace p2p::dispatch
