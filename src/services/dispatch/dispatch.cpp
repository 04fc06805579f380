#include "services/dispatch/dispatch.hpp"

#include <thread>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/dispatch/election.hpp"
#include "services/dispatch/group.hpp"
#include "services/dispatch/served_models.hpp"
#include "services/requests/refused.hpp"

namespace p2p::dispatch {

using requests::Refused;

/// The threads: one watches the workers, one takes part in the election, and run()'s sends while this process leads. Lock order: the
/// election's, the Client's, the queue's.
class Dispatch::Impl {
 public:
  Impl(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config);
  void run(const std::stop_token& stop);
  std::string problem() const;
  void check_served(const std::string& model) const;
  std::set<std::string> models() const { return models_.active(); }
  Estimate estimate(const std::string& id) const { return queue_.estimate(id, now()); }

 private:
  using RequestState = requests::RequestState;

  void tick();
  void lead(Time at, bool all);
  void watch_workers(const std::stop_token& stop);
  void update_workers();
  // Of a request, only where this process leads, so that each is counted once.
  void on_start(const RequestState& state);
  void on_end(const RequestState& state);

  bus::Bus& bus_;
  Metrics& metrics_;
  DispatchConfig config_;
  std::atomic<bool> workers_seen_ = false;
  Heartbeat worker_updates_{config_.steady_clock};
  Heartbeat ticks_{config_.steady_clock};
  Time next_housekeeping_;
  std::set<std::string> depth_models_;  ///< models with queue gauges
  ServedModels models_;
  SharedQueue queue_;
  Sender sender_;
  Election election_;
};

Dispatch::Impl::Impl(bus::Bus& bus, Metrics& metrics, requests::Client& requests, const DispatchConfig& config)
    : bus_(bus),
      metrics_(metrics),
      config_(config),
      queue_(
          config.user_in_flight, [this](const RequestState& state) { on_start(state); },
          [this](const RequestState& state) { on_end(state); }),
      sender_(bus, requests, queue_),
      election_(bus, requests, queue_, sender_, config.trust_within, config.steady_clock) {
  requests.observe(queue_);
}

void Dispatch::Impl::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { queue_.wake(); });
  {
    std::jthread workers([this](const std::stop_token& over) { watch_workers(over); });
    std::jthread election([this](const std::stop_token& over) { election_.run(over); });
    while (!stop.stop_requested()) tick();
  }
  sender_.flush(std::chrono::seconds(8));
}

std::string Dispatch::Impl::problem() const {
  if (!workers_seen_) return "Kafka is not reachable";
  return Heartbeat::stuck(
      {{worker_updates_, "the list of workers"}, {election_.polls(), "the group of dispatchers"}, {ticks_, "the requests"}});
}

void Dispatch::Impl::tick() {
  ticks_.stamp();
  const Time at = now();
  {
    const auto held = election_.lock();
    const bool is_housekeeping = at >= next_housekeeping_;
    if (election_.leads()) lead(at, is_housekeeping);
    if (is_housekeeping) {
      next_housekeeping_ = at + std::chrono::seconds(1);
      const bool leads = election_.leads();
      metrics_.gauge("prompt2pic_api_leads", "Whether this process sends the requests to workers: 1 or 0.").set(leads ? 1 : 0);
      if (!leads) clear_depths(metrics_, depth_models_);
      if (leads) queue_.with_dispatcher([&](const Dispatcher& dispatcher) { set_depths(metrics_, dispatcher, depth_models_, at); });
    }
  }
  queue_.wait(at, std::chrono::milliseconds(200), election_.leads());
}

void Dispatch::Impl::lead(Time at, bool all) {
  if (all) sender_.tidy();
  const auto is_hopeless = [&](const std::string& model) {
    const auto since = models_.never_served_since(model);
    return since && at - *since >= config_.worker_grace;
  };
  for (const auto& [id, how] : queue_.take_ended(at, config_.longest_wait, is_hopeless, all)) sender_.end(id, how);
  sender_.send_next(at);
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
  const auto recreated =
      models_.set_workers(workers, [&](const std::string& model) { return bus_.log_of(messages::requests_topic(model)); });
  queue_.set_workers(workers);
  std::set<std::string> never_served;
  queue_.with_dispatcher([&](const Dispatcher& dispatcher) {
    for (const auto& [id, entry] : dispatcher.waiting()) never_served.insert(entry.request.model);
  });
  std::erase_if(never_served, [&](const std::string& model) {
    // If the topic exists, a worker has served the model before.
    return models_.is_served(model) || bus_.backlog(std::string(messages::kWorkersGroup), messages::requests_topic(model)).topic_exists;
  });
  models_.set_never_served(never_served, now());
  const auto held = election_.lock();
  for (const std::string& model : recreated) {
    if (election_.leads()) sender_.send_again(model);
  }
}

void Dispatch::Impl::check_served(const std::string& model) const {
  const std::optional<bool> is_served = models_.is_served(model);
  if (is_served == true) return;
  bool has_topic = false;
  try {
    has_topic = bus_.backlog(std::string(messages::kWorkersGroup), messages::requests_topic(model)).topic_exists;
  } catch (const bus::BusError&) {
    throw Refused::unavailable();
  }
  if (has_topic) return;  // a worker served it, and may be back soon
  if (is_served) throw Refused::unavailable();
  throw Refused(Refused::Reason::model_not_found, "no worker serves the model " + model + "; GET /v1/models lists those that are served");
}

void Dispatch::Impl::on_start(const RequestState& state) {
  if (!election_.is_elected()) return;
  if (state.images.empty())
    metrics_.seconds("prompt2pic_wait_seconds", "Time from acceptance to a worker's start.", {{"model", state.request.model}})
        .observe(std::chrono::duration<double>(now() - state.request.time).count());
  if (state.cancelling) sender_.send_cancel(state);
}

void Dispatch::Impl::on_end(const RequestState& state) {
  if (!election_.is_elected()) return;
  const std::string outcome(name_of(state.status));
  metrics_
      .counter("prompt2pic_requests_total", "Ended requests.",
               {{"model", state.request.model}, {"outcome", outcome}, {"reason", state.reason}})
      .add();
  metrics_.seconds("prompt2pic_request_seconds", "Time from acceptance to the end.", {{"outcome", outcome}})
      .observe(std::chrono::duration<double>(state.ended - state.request.time).count());
  log::info("ended", {{"id", state.request.id}, {"outcome", outcome}, {"reason", state.reason}, {"detail", state.detail.text}});
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
