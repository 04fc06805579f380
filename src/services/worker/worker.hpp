#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/worker/drawer.hpp"
#include "services/worker/uploader.hpp"

namespace p2p::worker {

struct WorkerConfig {
  std::string name;                                        ///< unlike any other worker's
  std::map<std::string, std::shared_ptr<Drawer>> drawers;  ///< by model
  Uploader::Limits uploads;
  std::chrono::seconds finish_within{40};  ///< at a stop a drawing that takes longer is handed back
  std::chrono::seconds stop_within{50};    ///< at a stop, all of it
  int partitions = 32;                     ///< of a model's topic: as many workers can share it
};

/// Draws what comes from its models' topics, stores it, and tells what happened; a request's offset is committed after its end is stored in
/// the events topic.
class Worker {
 public:
  /// Keeps the references. Topics that are missing are made by run().
  Worker(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config);
  ~Worker();

  /// Works until `stop`; then finishes or hands back what it holds, and returns. Repeats what the brokers cannot do at the moment; throws
  /// BusError for what waiting does not mend.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty: it can. Thread-safe.
  std::string problem() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::worker
