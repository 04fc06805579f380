#include "app/door.hpp"

#include <thread>

namespace p2p::app {

Door::Door(bus::Bus& bus, Metrics& metrics, const AppConfig& config)
    : requests(bus, metrics, {.user_queue = config.user_queue, .user_per_day = config.user_per_day}),
      dispatch(bus, metrics, requests, {.user_in_flight = config.user_in_flight, .longest_wait = config.longest_wait}),
      models(bus) {}

void Door::run(const std::stop_token& stop) {
  const std::jthread dispatching([&] { dispatch.run(stop); });
  const std::jthread describing([&] { models.run(stop); });
  requests.run(stop);
}

std::string Door::problem() const {
  std::string problem = requests.problem();
  if (problem.empty()) problem = dispatch.problem();
  return problem;
}

}  // namespace p2p::app
