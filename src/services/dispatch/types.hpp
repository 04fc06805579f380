#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace p2p::dispatch {

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

}  // namespace p2p::dispatch
