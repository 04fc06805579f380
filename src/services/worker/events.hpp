#pragma once

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/worker/task.hpp"

namespace p2p::worker {

/// Writes what a worker tells. Thread-safe.
class EventWriter {
 public:
  EventWriter(bus::Producer& producer, std::string worker) : producer_(producer), worker_(std::move(worker)) {}

  /// The event with everything that all of a task's events have.
  messages::Event about(const Task& task, messages::EventType type) const;
  /// `delivered` as in bus::Producer.
  void send(const messages::Event& event, const std::string& traceparent, bus::Producer::Delivered delivered = {}) const;
  void send(const messages::DeadLetter& letter, const std::string& traceparent, bus::Producer::Delivered delivered) const;

 private:
  bus::Producer& producer_;
  std::string worker_;
};

}  // namespace p2p::worker
