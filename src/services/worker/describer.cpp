#include "services/worker/describer.hpp"

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"

namespace p2p::worker {

void Describer::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    do {
      describe();
    } while (pause(std::chrono::minutes(10), stop));
  });
}

void Describer::describe() {
  const std::string topic(messages::kModelsTopic);
  try {
    bus_.ensure_topics({{topic, 1, std::chrono::days(1)}});
  } catch (const bus::BusError& error) {
    if (!warned_) log::warn("the models are not described to bots and APIs", {{"topic", topic}, {"error", error.what()}});
    warned_ = true;
    return;
  }
  for (const auto& [name, generator] : config_.generators) {
    messages::Model model = generator->describe();
    model.id = name;
    model.time = now();
    producer_.send({.topic = topic, .key = name, .value = messages::encode(model), .headers = {{"type", "model"}}});
  }
}

}  // namespace p2p::worker
