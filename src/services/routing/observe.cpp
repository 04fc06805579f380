#include "services/routing/observe.hpp"

namespace p2p::routing {

std::vector<Worker> workers_of(const bus::Bus::Group& group) {
  std::vector<Worker> workers;
  for (const bus::Member& member : group.members) {
    Worker worker{member.name, {}};
    for (const bus::TopicPartition& place : member.partitions) {
      if (const auto model = messages::model_of(place.topic); !model.empty())
        worker.partitions[std::string(model)].push_back(place.partition);
    }
    workers.push_back(std::move(worker));
  }
  return workers;
}

void observe_others(Router& router, const messages::Event& event) {
  if (event.type == messages::EventType::started) {
    router.others_started(event.id, event.worker);
  } else if (event.ends() || event.hands_back() || event.fraction >= 1) {
    router.others_ended(event.id);
  }
}

}  // namespace p2p::routing
