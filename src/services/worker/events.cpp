#include "services/worker/events.hpp"

namespace p2p::worker {

messages::Event EventWriter::about(const Task& task, messages::Event::What what) const {
  return {.id = task.request.id, .time = now(), .worker = worker_, .dispatch = task.dispatch, .what = std::move(what)};
}

void EventWriter::send(const messages::Event& event, const std::string& traceparent, bus::Producer::Delivered delivered) const {
  producer_.send({.topic = std::string(messages::kEventsTopic),
                  .key = event.id,
                  .value = messages::encode(event),
                  .headers = {{"traceparent", messages::child_of(traceparent)}, {"type", std::string(messages::type_of(event))}}},
                 [this, delivered = std::move(delivered)](const bus::Producer::Problem& problem) {
                   {
                     const std::scoped_lock lock(mutex_);
                     problem_ = problem.text;
                     reported_.stamp();
                   }
                   if (delivered) delivered(problem);
                 });
}

void EventWriter::send(const messages::DeadLetter& dead_letter, const std::string& traceparent, bus::Producer::Delivered delivered) const {
  producer_.send({.topic = std::string(messages::kDeadLettersTopic),
                  .key = dead_letter.id,
                  .value = messages::encode(dead_letter),
                  .headers = {{"traceparent", messages::child_of(traceparent)}, {"type", "dead_letter"}}},
                 std::move(delivered));
}

std::string EventWriter::problem() const {
  const std::scoped_lock lock(mutex_);
  return reported_.age() < std::chrono::minutes(2) ? problem_ : "";
}

}  // namespace p2p::worker
