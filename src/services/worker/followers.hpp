#pragma once

#include <string>
#include <thread>

#include "base/heartbeat.hpp"
#include "platform/bus/bus.hpp"
#include "services/worker/tasks.hpp"

namespace p2p::worker {

/// Two threads that follow topics: the control messages for the tasks, and the events of other workers.
class Followers {
 public:
  /// Keeps the references.
  Followers(bus::Bus& bus, const WorkerConfig& config, Tasks& tasks, OtherStarts& other_starts, const WorkerMetrics& metrics)
      : bus_(bus),
        name_(config.name),
        tasks_(tasks),
        other_starts_(other_starts),
        metrics_(metrics),
        control_reads_(config.clock),
        end_reads_(config.clock) {}

  void start();
  void stop();

  /// Stamped at each read. Thread-safe.
  const Heartbeat& control_reads() const { return control_reads_; }
  const Heartbeat& end_reads() const { return end_reads_; }

 private:
  void apply_control(const bus::Record& record);
  void apply_release(const messages::Control& control);
  /// Notes what other workers do, in case a message for the same request is here or arrives here again.
  void note(const bus::Record& record);

  bus::Bus& bus_;
  const std::string& name_;
  Tasks& tasks_;
  OtherStarts& other_starts_;
  const WorkerMetrics& metrics_;
  Heartbeat control_reads_;
  Heartbeat end_reads_;
  std::jthread control_;
  std::jthread ends_;
};

/// The topics that they follow.
extern const bus::TopicSpec kEventsSpec;
extern const bus::TopicSpec kControlSpec;

}  // namespace p2p::worker
