#pragma once

#include <thread>

#include "platform/bus/bus.hpp"
#include "services/worker/worker.hpp"

namespace p2p::worker {

/// Publishes the descriptions of the worker's models, on a thread of its own: at the start, and every ten minutes, so that they outlast the
/// topic's retention. Nothing depends on them: without the topic it only warns.
class Describer {
 public:
  /// Keeps the references.
  Describer(bus::Bus& bus, bus::Producer& producer, const WorkerConfig& config) : bus_(bus), producer_(producer), config_(config) {}

  void start();
  void stop() { thread_ = {}; }

 private:
  void describe();

  bus::Bus& bus_;
  bus::Producer& producer_;
  const WorkerConfig& config_;
  bool warned_ = false;
  std::jthread thread_;
};

}  // namespace p2p::worker
