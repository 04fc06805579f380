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
                 std::move(delivered));
}

void EventWriter::send(const messages::DeadLetter& dead_letter, const std::string& traceparent, bus::Producer::Delivered delivered) const {
  producer_.send({.topic = std::string(messages::kDeadLettersTopic),
                  .key = dead_letter.id,
                  .value = messages::encode(dead_letter),
                  .headers = {{"traceparent", messages::child_of(traceparent)}, {"type", "dead_letter"}}},
                 std::move(delivered));
}

}  // namespace p2p::worker
