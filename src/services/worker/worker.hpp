#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/heartbeat.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/worker/image_generator.hpp"
#include "services/worker/uploader.hpp"

namespace p2p::worker {

struct WorkerConfig {
  std::string name;                                                   ///< unlike any other worker's
  std::map<std::string, std::shared_ptr<ImageGenerator>> generators;  ///< by model
  Uploader::Limits uploads;
  StoreCheck::Intervals store_check;
  std::chrono::milliseconds draw_within = std::chrono::hours(1);       ///< what takes longer ends as failed: it holds up all others
  std::chrono::milliseconds finish_within = std::chrono::seconds(40);  ///< at a stop a drawing that takes longer is handed back
  std::chrono::milliseconds stop_within = std::chrono::seconds(50);    ///< at a stop, all of it
  std::chrono::milliseconds flush_within = std::chrono::seconds(5);    ///< for events to reach Kafka before partitions or the process go
  std::chrono::milliseconds ask_again{500};                            ///< before Kafka is asked again for what it did not tell
  std::chrono::milliseconds look_around =
      std::chrono::seconds(3);  ///< while the store refuses: between looks at other workers, and as much more by chance
  Heartbeat::Clock clock = std::chrono::steady_clock::now;  ///< of what problem() says about loops
  int partitions = 32;                                      ///< of a model's topic: as many workers can share it
};

/// Draws what comes from its models' topics, stores it, and tells what happened; a request's offset is committed after its end is stored in
/// the events topic. While the store refuses its pictures and another worker serves a model too, it leaves that model to the other: what it
/// holds is handed back, and nobody's request fails for one worker's wrong key or clock.
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
