#include <charconv>
#include <condition_variable>
#include <thread>

#include "base/log.hpp"
#include "base/random_id.hpp"
#include "platform/bus/follow.hpp"
#include "services/requests/client_impl.hpp"

namespace p2p::requests {

bool is_fresh(const std::string& id) {
  constexpr std::chrono::seconds kFresh{10};
  std::int64_t millis = 0;
  if (!is_id(id)) return false;
  const std::string digits = id.substr(0, 8) + id.substr(9, 4);  // a UUID of version 7 begins with its timestamp
  std::from_chars(digits.data(), digits.data() + digits.size(), millis, 16);
  return std::chrono::abs(now() - from_millis(millis)) < kFresh;
}

void Client::Impl::run(const std::stop_token& stop) {
  const bus::StartAt start{.offsets = {}, .since = now() - config_.remember};
  {
    std::jthread events([&](const std::stop_token& over) {
      const auto apply_all = [this](const auto& records, const bus::LogReader& reader) { apply_events(records, reader); };
      bus::follow(bus_, {.name = std::string(messages::kEventsTopic), .partitions = 4}, start, apply_all, over);
    });
    std::jthread control([&](const std::stop_token& over) {
      const auto apply_all = [this](const auto& records, const bus::LogReader&) { apply_control(records); };
      bus::follow(bus_, {.name = std::string(messages::kControlTopic), .partitions = 1}, start, apply_all, over);
    });
    Lock lock(mutex_);
    std::condition_variable_any stopped;
    while (!stop.stop_requested()) {
      stopped.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
      table_.forget_old(now());
    }
    stopping_ = true;
    for (const auto& [id, wake] : watches_) wake();
  }
  producer_->flush(std::chrono::seconds(8));
}

std::string Client::Impl::problem() const {
  if (!caught_up_) return "Kafka is not reachable";
  return Heartbeat::stuck({{event_reads_, "the events"}, {control_reads_, "the control messages"}});
}

void Client::Impl::apply_events(const std::vector<bus::Record>& records, const bus::LogReader& reader) {
  event_reads_.stamp();
  const Lock lock(mutex_);
  for (const bus::Record& record : records) {
    if (const auto event = messages::decode_event(record.value)) {
      apply(record, *event);
    } else {
      metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "unreadable"}}).add();
      log::warn("an event was dropped", {{"offset", record.offset}, {"partition", record.partition}, {"error", event.error()}});
    }
  }
  caught_up_ = caught_up_ || reader.caught_up();
  if (caught_up_) followed_ = reader.positions();
}

void Client::Impl::apply_control(const std::vector<bus::Record>& records) {
  control_reads_.stamp();
  const Lock lock(mutex_);
  for (const bus::Record& record : records) {
    const auto control = messages::decode_control(record.value);
    if (control && control->type == messages::Control::Type::cancel) apply_cancel(control->id);
  }
}

void Client::Impl::apply(const bus::Record& record, const Event& event) {
  if (const auto* const first = event.as<messages::Accepted>()) return add(accepted(*first, record.header("traceparent")));
  if (!table_.find(event.id)) {
    for (Observer* const observer : observers_) observer->unknown(event);
    return;
  }
  const Change change = table_.apply(event);
  if (change == Change::rejected) {
    metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "foreign_key"}}).add();
    log::warn("an event was dropped: its picture belongs to another request", {{"id", event.id}, {"offset", record.offset}});
  }
  if (change == Change::none || change == Change::rejected) return;
  const RequestState& state = *table_.find(event.id);
  for (Observer* const observer : observers_) observer->changed(state, change, event);
  changed(event.id);
}

void Client::Impl::add(RequestState state) {
  const std::string id = state.request.id;
  if (table_.find(id)) return;
  const RequestState& added = table_.add(std::move(state));
  for (Observer* const observer : observers_) observer->accepted(added);
  changed(id);
}

void Client::Impl::apply_cancel(const std::string& id) {
  const RequestState* const state = table_.cancel(id);
  if (!state) return;
  for (Observer* const observer : observers_) observer->cancelling(*state);
  changed(id);
}

void Client::Impl::changed(const std::string& id) const {
  const auto [from, to] = watches_.equal_range(id);
  for (auto each = from; each != to; ++each) each->second();
}

std::shared_ptr<void> Client::Impl::watch(const std::string& id, Wake wake) const {
  const Lock lock(mutex_);
  return {nullptr, [this, watch = watches_.emplace(id, std::move(wake))](void*) {
            const Lock end(mutex_);
            watches_.erase(watch);
          }};
}

Client::Client(bus::Bus& bus, Metrics& metrics, const ClientConfig& config) : impl_(std::make_unique<Impl>(bus, metrics, config)) {}
Client::~Client() = default;
void Client::observe(Observer& observer) { impl_->observe(observer); }
void Client::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Client::problem() const { return impl_->problem(); }
Client::Submitted Client::submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake) {
  return impl_->submit(owner, std::move(request), repeat, wake);
}
StoringPtr Client::cancel(const std::string& owner, const std::string& id, const Wake& wake) { return impl_->cancel(owner, id, wake); }
std::shared_ptr<void> Client::watch(const std::string& id, Wake wake) const { return impl_->watch(id, std::move(wake)); }

bool Client::stopping() const {
  const auto lock = impl_->lock();
  return impl_->stopping();
}
std::optional<std::map<bus::TopicPartition, std::int64_t>> Client::followed() const {
  const auto lock = impl_->lock();
  return impl_->followed();
}
std::optional<RequestState> Client::find(const std::string& id) const {
  const auto lock = impl_->lock();
  const RequestState* const state = impl_->table().find(id);
  return state ? std::optional(*state) : std::nullopt;
}
std::optional<RequestState> Client::find(const std::string& owner, const std::string& id) const {
  const auto lock = impl_->lock();
  const RequestState* const state = impl_->table().find(owner, id);
  return state ? std::optional(*state) : std::nullopt;
}
int Client::waiting_of(const std::string& owner) const {
  const auto lock = impl_->lock();
  return impl_->table().usage_of(owner).waiting;
}
int Client::unfinished() const {
  const auto lock = impl_->lock();
  return impl_->table().unfinished();
}

}  // namespace p2p::requests
