#include "services/dispatch/group.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "platform/messages/messages.hpp"

namespace p2p::dispatch {
namespace {

struct Depth {
  int waiting = 0;
  int sent = 0;
  std::optional<Time> oldest;  ///< acceptance of the oldest waiting request
};

void set_depth(Metrics& metrics, const std::string& model, const Depth& depth, Time at) {
  const Labels labels{{"model", model}};
  metrics.gauge("prompt2pic_queue_waiting", "Requests waiting because no worker has room.", labels).set(depth.waiting);
  metrics.gauge("prompt2pic_queue_sent", "Requests sent to workers.", labels).set(depth.sent);
  metrics.gauge("prompt2pic_queue_age_seconds", "Age of the oldest waiting request.", labels)
      .set(depth.oldest ? std::chrono::duration<double>(at - *depth.oldest).count() : 0);
}

}  // namespace

std::vector<Worker> workers_of(const bus::Bus::Group& group) {
  std::vector<Worker> workers;
  for (const bus::Member& member : group.members) {
    Worker worker{member.name, {}};
    for (const bus::TopicPartition& each : member.partitions) {
      if (const auto model = messages::model_of(each.topic); !model.empty())
        worker.partitions[std::string(model)].push_back(each.partition);
    }
    workers.push_back(std::move(worker));
  }
  return workers;
}

void set_depths(Metrics& metrics, const Dispatcher& dispatcher, std::set<std::string>& models, Time at) {
  std::map<std::string, Depth> depths;
  for (const auto& [id, entry] : dispatcher.waiting()) {
    Depth& depth = depths[entry.request.model];
    ++depth.waiting;
    depth.oldest = std::min(depth.oldest.value_or(entry.request.accepted), entry.request.accepted);
  }
  for (const auto& [id, sent] : dispatcher.sent()) ++depths[sent.entry.request.model].sent;
  for (const std::string& model : models) depths[model];  // also sets models that have become empty
  for (const auto& [model, depth] : depths) {
    models.insert(model);
    set_depth(metrics, model, depth, at);
  }
}

void clear_depths(Metrics& metrics, const std::set<std::string>& models) {
  for (const std::string& model : models) set_depth(metrics, model, {}, {});
}

}  // namespace p2p::dispatch
