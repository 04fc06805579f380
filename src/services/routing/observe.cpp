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

void tell_depths(Metrics& metrics, const Router& router, std::set<std::string>& models, Time at) {
  auto depths = router.depths();
  for (const std::string& model : models) depths[model];  // one that has become empty is told of too
  for (const auto& [model, depth] : depths) {
    models.insert(model);
    const Labels labels{{"model", model}};
    metrics.gauge("prompt2pic_queue_waiting", "Requests held back because no worker has room.", labels).set(depth.waiting);
    metrics.gauge("prompt2pic_queue_sent", "Requests with workers.", labels).set(depth.in_flight);
    metrics.gauge("prompt2pic_queue_age_seconds", "Age of the oldest request that is held back.", labels)
        .set(depth.oldest ? std::chrono::duration<double>(at - *depth.oldest).count() : 0);
  }
}

}  // namespace p2p::routing
