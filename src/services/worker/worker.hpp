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
#include "services/worker/preview_pace.hpp"
#include "services/worker/uploader.hpp"

namespace p2p::worker {

struct WorkerConfig {
  std::string name;                                                   ///< unique among workers
  std::map<std::string, std::shared_ptr<ImageGenerator>> generators;  ///< by model
  Uploader::Limits uploads;
  PreviewPace::Rules previews;
  StoreCheck::Intervals store_check;
  std::chrono::milliseconds draw_within = std::chrono::hours(1);  ///< time limit of a request, because it blocks all others; then it fails
  std::chrono::milliseconds finish_within = std::chrono::seconds(40);  ///< at shutdown, drawings that would take longer are handed back
  std::chrono::milliseconds stop_within = std::chrono::seconds(50);    ///< time limit of the whole shutdown
  std::chrono::milliseconds flush_within =
      std::chrono::seconds(5);                 ///< for events to reach Kafka before partitions are released or the process ends
  std::chrono::milliseconds retry_after{500};  ///< before a failed query to Kafka is repeated
  std::chrono::milliseconds check_others_every =
      std::chrono::seconds(3);  ///< while the store refuses: interval of checks for other workers, plus up to as much at random
  Heartbeat::Clock clock = std::chrono::steady_clock::now;  ///< for the detection of stuck loops, and for previews
  int partitions = 32;                                      ///< of a model's topic; the maximum number of workers that share it
};

/// Draws the requests of its models' topics, stores the pictures and publishes events. The offset of a request is committed after its end
/// has been stored in the events topic. While the store refuses its pictures, it leaves models that other workers serve too to them and
/// hands back its requests, so that no request fails because of one worker's wrong key or clock.
class Worker {
 public:
  /// Keeps the references. run() creates missing topics.
  Worker(bus::Bus& bus, blob::BlobStore& store, Metrics& metrics, WorkerConfig config);
  ~Worker();

  /// Works until `stop`, then finishes or hands back its requests and returns. Retries when the brokers are unavailable; throws BusError
  /// for problems that waiting does not fix.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty if it can. Thread-safe.
  std::string problem() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::worker
