#include "services/dispatch/dispatch.hpp"

#include <thread>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/dispatch/group.hpp"
#include "services/dispatch/impl.hpp"
#include "services/requests/refused.hpp"

namespace p2p::dispatch {

using requests::Refused;

Dispatch::Impl::Impl(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config)
    : bus_(bus),
      metrics_(metrics),
      requests_(requests),
      config_(config),
      dispatcher_({.user_in_flight = config.user_in_flight}),
      leader_(bus, config.trust_within, [this] { resign(); }),
      producer_(bus.producer()) {
  requests_.observe(*this);
}

void Dispatch::Impl::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    const Lock lock(mutex_);
    wake();
  });
  {
    std::jthread workers([this](const std::stop_token& over) { watch_workers(over); });
    std::jthread election([this](const std::stop_token& over) { run_election(over); });
    while (!stop.stop_requested()) tick();
  }
  producer_->flush(std::chrono::seconds(8));
}

std::string Dispatch::Impl::problem() const {
  if (!workers_seen_) return "Kafka is not reachable";
  return Heartbeat::stuck({{worker_updates_, "the list of workers"}, {elections_, "the group of dispatchers"}, {ticks_, "the requests"}});
}

void Dispatch::Impl::wake() {
  awake_ = true;
  changed_.notify_all();
}

void Dispatch::Impl::tick() {
  ticks_.stamp();
  const Time at = now();
  {
    const Lock lock(mutex_);
    awake_ = false;
  }
  {
    const std::scoped_lock lead(leading_);
    if (may_lead()) send_next(at);
    if (at >= next_housekeeping_) {
      next_housekeeping_ = at + std::chrono::seconds(1);
      metrics_.gauge("prompt2pic_api_leads", "Whether this process sends the requests to workers: 1 or 0.").set(may_lead() ? 1 : 0);
      const Lock lock(mutex_);
      may_lead() ? set_depths(metrics_, dispatcher_, depth_models_, at) : clear_depths(metrics_, depth_models_);
    }
  }
  Lock lock(mutex_);
  Time until = at + std::chrono::milliseconds(200);
  if (const auto again = dispatcher_.next_check_at(); again && may_lead()) until = std::min(until, *again);
  changed_.wait_until(lock, until, [&] { return awake_; });
}

void Dispatch::Impl::watch_workers(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    worker_updates_.stamp();
    try {
      update_workers();
    } catch (const Error& error) {
      if (workers_seen_.exchange(false)) log::warn("the list of workers is not available", {{"error", error.what()}});
    }
    pause(config_.watch_every, stop);
  }
}

void Dispatch::Impl::update_workers() {
  const auto group = bus_.describe_group(std::string(messages::kWorkersGroup));
  workers_seen_ = true;
  if (group.exists && !group.stable) return;  // the previous list is kept during a rebalance
  const auto workers = workers_of(group);
  metrics_.gauge("prompt2pic_workers", "Active workers.").set(static_cast<double>(workers.size()));
  std::set<std::string> recreated;
  std::set<std::string> unknown;
  {
    const Lock lock(mutex_);
    dispatcher_.set_workers(workers);
    served_.clear();
    for (const Worker& worker : workers) {
      for (const auto& [model, partitions] : worker.partitions) {
        served_.insert(model);
        logs_.try_emplace(model);
      }
    }
    for (auto& [model, log] : logs_) {
      const std::string before = std::exchange(log, bus_.log_of(messages::requests_topic(model)));
      if (!before.empty() && before != log) recreated.insert(model);
    }
    dispatcher_.for_each_waiting([&](const QueuedRequest& request) {
      if (!logs_.contains(request.model)) unknown.insert(request.model);
    });
    wake();
  }
  // If the topic exists, a worker has served the model before.
  std::erase_if(unknown, [&](const std::string& model) {
    return bus_.backlog(std::string(messages::kWorkersGroup), messages::requests_topic(model)).topic_exists;
  });
  {
    const Lock lock(mutex_);
    std::erase_if(unserved_, [&](const auto& item) { return !unknown.contains(item.first); });
    for (const std::string& model : unknown) unserved_.try_emplace(model, now());
  }
  const std::scoped_lock lead(leading_);
  for (const std::string& model : recreated) {
    if (may_lead()) send_again(model);
  }
}

void Dispatch::Impl::check_served(const std::string& model) const {
  bool was_served = false;
  {
    const Lock lock(mutex_);
    if (served_.contains(model)) return;
    was_served = logs_.contains(model);
  }
  try {
    const bool has_topic = bus_.backlog(std::string(messages::kWorkersGroup), messages::requests_topic(model)).topic_exists;
    if (was_served && !has_topic) throw Refused::unavailable();
    was_served = has_topic;
  } catch (const bus::BusError&) {
    throw Refused::unavailable();
  }
  if (!was_served)
    throw Refused(Refused::Reason::model_not_found, "no worker serves the model " + model + "; GET /v1/models lists those that are served");
}

std::set<std::string> Dispatch::Impl::models() const {
  const Lock lock(mutex_);
  return served_;
}

Estimate Dispatch::Impl::estimate(const std::string& id) const {
  const Lock lock(mutex_);
  return dispatcher_.estimate(id, now());
}

Dispatch::Dispatch(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config)
    : impl_(std::make_unique<Impl>(bus, metrics, requests, config)) {}
Dispatch::~Dispatch() = default;
void Dispatch::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Dispatch::problem() const { return impl_->problem(); }
void Dispatch::check_served(const std::string& model) const { impl_->check_served(model); }
std::set<std::string> Dispatch::models() const { return impl_->models(); }
Estimate Dispatch::estimate(const std::string& id) const { return impl_->estimate(id); }

}  // namespace p2p::dispatch
