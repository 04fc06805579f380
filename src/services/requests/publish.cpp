#include "services/requests/publish.hpp"

namespace p2p::requests {

bus::Outgoing to_outgoing(const messages::Event& event, const std::string& traceparent) {
  return {.topic = std::string(messages::kEventsTopic),
          .partition = std::nullopt,
          .key = event.id,
          .value = messages::encode(event),
          .headers = {{"traceparent", traceparent}, {"type", std::string(messages::type_of(event))}}};
}

bus::Outgoing to_outgoing(const messages::Control& control, const std::string& traceparent) {
  return {.topic = std::string(messages::kControlTopic),
          .partition = std::nullopt,
          .key = control.id,
          .value = messages::encode(control),
          .headers = {{"traceparent", messages::child_of(traceparent)},
                      {"type", control.type == messages::Control::Type::cancel ? "cancel" : "release"}}};
}

}  // namespace p2p::requests
