#pragma once

#include <mutex>
#include <string>

#include "base/heartbeat.hpp"
#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/worker/task.hpp"

namespace p2p::worker {

/// Publishes the events of a worker. Thread-safe.
class EventWriter {
 public:
  /// Keeps the reference. `clock`: steady.
  EventWriter(bus::Producer& producer, std::string worker, const Heartbeat::Clock& clock)
      : producer_(producer), worker_(std::move(worker)), reported_(clock) {}

  /// An event with the fields common to all events of the task.
  messages::Event about(const Task& task, messages::Event::What what) const;
  /// `delivered`: see bus::Producer.
  void send(const messages::Event& event, const std::string& traceparent, bus::Producer::Delivered delivered = {}) const;
  void send(const messages::DeadLetter& dead_letter, const std::string& traceparent, bus::Producer::Delivered delivered) const;

  /// Why the last event could not be stored in Kafka; empty if it could.
  std::string problem() const;

 private:
  bus::Producer& producer_;
  std::string worker_;
  mutable std::mutex mutex_;
  mutable std::string problem_;
  mutable Heartbeat reported_;  ///< when the last delivery report arrived
};

}  // namespace p2p::worker
