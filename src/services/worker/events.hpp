#pragma once

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/worker/task.hpp"

namespace p2p::worker {

/// Publishes the events of a worker. Thread-safe.
class EventWriter {
 public:
  EventWriter(bus::Producer& producer, std::string worker) : producer_(producer), worker_(std::move(worker)) {}

  /// An event with the fields common to all events of the task.
  messages::Event about(const Task& task, messages::Event::What what) const;
  /// `delivered`: see bus::Producer.
  void send(const messages::Event& event, const std::string& traceparent, bus::Producer::Delivered delivered = {}) const;
  void send(const messages::DeadLetter& dead_letter, const std::string& traceparent, bus::Producer::Delivered delivered) const;

 private:
  bus::Producer& producer_;
  std::string worker_;
};

}  // namespace p2p::worker
