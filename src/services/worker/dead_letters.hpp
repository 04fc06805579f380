#pragma once

#include <string>

#include "platform/bus/bus.hpp"
#include "services/worker/events.hpp"
#include "services/worker/membership.hpp"
#include "services/worker/task.hpp"
#include "services/worker/worker_metrics.hpp"

namespace p2p::worker {

/// Sends messages that cannot be processed to the topic of dead letters and publishes that their requests have failed; then the record is
/// processed.
class DeadLetters {
 public:
  /// Keeps the references. `worker`: its name.
  DeadLetters(std::string worker, const Membership& membership, const EventWriter& events, const WorkerMetrics& metrics)
      : worker_(std::move(worker)), membership_(membership), events_(events), metrics_(metrics) {}

  /// `problem`: why the message cannot be decoded.
  void unreadable(const bus::Record& record, const std::string& problem);
  /// Workers crashed while they drew the request.
  void killed_worker(const bus::Record& record, const messages::Request& request);

 private:
  void send(const bus::Record& record, const std::string& id, std::string_view why, const std::string& detail, int dispatch);

  std::string worker_;
  const Membership& membership_;
  const EventWriter& events_;
  const WorkerMetrics& metrics_;
};

}  // namespace p2p::worker
