#include "services/api/api.hpp"

#include <charconv>
#include <future>
#include <thread>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "base/random_id.hpp"
#include "platform/blob/signature.hpp"
#include "platform/bus/bus_error.hpp"
#include "platform/bus/follow.hpp"
#include "services/api/impl.hpp"
#include "services/api/openai.hpp"
#include "services/routing/observe.hpp"

namespace p2p::api {
namespace {

constexpr const char* kNoAnswer = "the queue does not answer; try again later";

/// A UUID made of the key: of version 8 (RFC 9562), whose bits are the program's own.
std::string id_of(const std::string& client, const std::string& repeat_key) {
  std::string hex = blob::to_hex(blob::hmac("prompt2pic repeat key", client + "\n" + repeat_key)).substr(0, 32);
  hex[12] = '8';
  hex[16] = '8';
  for (const std::size_t at : {20u, 16u, 12u, 8u}) hex.insert(at, "-");
  return hex;
}

/// Whether it was made within the last seconds, so that another instance may have accepted it and this one not heard of it yet. A UUID of
/// version 7 begins with its time.
bool is_fresh(const std::string& id) {
  constexpr std::chrono::seconds kFresh{10};
  std::int64_t millis = 0;
  if (!is_id(id)) return false;
  const std::string digits = id.substr(0, 8) + id.substr(9, 4);
  std::from_chars(digits.data(), digits.data() + digits.size(), millis, 16);
  return std::chrono::abs(now() - from_millis(millis)) < kFresh;
}

bool is_same_day(Time a, Time b) { return std::chrono::floor<std::chrono::days>(a) == std::chrono::floor<std::chrono::days>(b); }

}  // namespace

Api::Impl::Impl(bus::Bus& bus, Metrics& metrics, const ApiConfig& config)
    : bus_(bus), metrics_(metrics), config_(config), producer_(bus.producer()), router_({.user_in_flight = config_.user_in_flight}) {}

void Api::Impl::run(const std::stop_token& stop) {
  {
    const bus::StartAt start{.offsets = {}, .since = now() - config_.remember};
    std::jthread events([&](const std::stop_token& over) {
      const auto take_all = [this](const std::vector<bus::Record>& records, const bus::LogReader& reader) {
        const Lock lock(mutex_);
        for (const bus::Record& record : records) {
          if (const auto event = messages::decode_event(record.value)) {
            take(record, *event);
          } else {
            metrics_.counter("prompt2pic_events_dropped_total", "Events that could not be used.", {{"reason", "unreadable"}}).add();
            log::warn("an event was dropped", {{"offset", record.offset}, {"partition", record.partition}, {"error", event.error()}});
          }
        }
        followed_ = reader.positions();
        caught_up_ = caught_up_ || reader.caught_up();
      };
      bus::follow(bus_, {.name = std::string(messages::kEventsTopic), .partitions = 4}, start, take_all, over);
    });
    std::jthread wishes([&](const std::stop_token& over) {
      const auto take_all = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
        const Lock lock(mutex_);
        for (const bus::Record& record : records) {
          if (const auto wish = messages::decode_control(record.value)) take_wish(*wish);
        }
      };
      bus::follow(bus_, {.name = std::string(messages::kControlTopic), .partitions = 1}, start, take_all, over);
    });
    std::jthread workers([this](const std::stop_token& over) { watch_workers(over); });
    std::jthread lead([this](const std::stop_token& over) { keep_lead(over); });
    while (!stop.stop_requested()) tick();
    const Lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  producer_->flush(std::chrono::seconds(8));
}

std::string Api::Impl::problem() const { return caught_up_ && workers_seen_ ? "" : "Kafka is not reachable"; }

void Api::Impl::watch_workers(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      const auto group = bus_.describe_group(std::string(messages::kWorkersGroup));
      workers_seen_ = true;
      if (!group.exists || group.stable) {
        const auto workers = routing::workers_of(group);
        metrics_.gauge("prompt2pic_workers", "Workers that are there.").set(static_cast<double>(workers.size()));
        const Lock lock(mutex_);
        router_.set_workers(workers);
        served_.clear();
        for (const auto& worker : workers) {
          for (const auto& [model, partitions] : worker.partitions) served_.insert(model);
        }
        changed_.notify_all();
      }
    } catch (const Error& error) {
      if (workers_seen_.exchange(false)) log::warn("the workers cannot be seen", {{"error", error.what()}});
    }
    pause(std::chrono::milliseconds(500), stop);
  }
}

void Api::Impl::tick() {
  Lock lock(mutex_);
  const Time at = now();
  if (may_lead()) route(at);
  if (at >= next_housekeeping_) housekeeping(at);
  Time until = at + std::chrono::milliseconds(200);
  if (const auto again = router_.look_again_at(); again && may_lead()) until = std::min(until, *again);
  changed_.wait_until(lock, until);
}

void Api::Impl::housekeeping(Time at) {
  next_housekeeping_ = at + std::chrono::seconds(1);
  std::erase_if(entries_, [&](const auto& item) { return item.second.over() && at - item.second.request.time > config_.remember; });
  // Most ids begin with their time.
  for (auto entry = entries_.begin(); entries_.size() > config_.most_entries && entry != entries_.end();)
    entry = entry->second.over() ? entries_.erase(entry) : std::next(entry);
  metrics_.gauge("prompt2pic_api_leads", "Whether this instance sends the requests to workers: 1 or 0.").set(may_lead() ? 1 : 0);
  if (!may_lead()) return;
  end_waiting(at);
  routing::tell_depths(metrics_, router_, models_, at);
}

bus::Outgoing Api::Impl::to_message(const Event& event, const std::string& traceparent) {
  return {.topic = std::string(messages::kEventsTopic),
          .partition = std::nullopt,
          .key = event.id,
          .value = messages::encode(event),
          .headers = {{"traceparent", traceparent}, {"type", std::string(messages::name_of(event.type))}}};
}

bus::Outgoing Api::Impl::to_message(const messages::Control& control, const std::string& traceparent) {
  return {.topic = std::string(messages::kControlTopic),
          .partition = std::nullopt,
          .key = control.id,
          .value = messages::encode(control),
          .headers = {{"traceparent", messages::child_of(traceparent)},
                      {"type", control.type == messages::Control::Type::cancel ? "cancel" : "release"}}};
}

void Api::Impl::store(bus::Outgoing message) {
  const auto stored = std::make_shared<std::promise<std::string>>();
  auto answer = stored->get_future();
  producer_->send(std::move(message), [stored](const std::string& problem) { stored->set_value(problem); });
  if (answer.wait_for(config_.store_within) != std::future_status::ready) throw ApiError(503, "unavailable", kNoAnswer);
  if (const std::string problem = answer.get(); !problem.empty()) {
    log::error("a message was not delivered", {{"error", problem}});
    throw ApiError(500, "internal", "the queue refused the request");
  }
}

void Api::Impl::check_limits(const std::string& client) const {
  const auto coming = coming_.find(client);
  if (router_.waiting_of(client) + (coming == coming_.end() ? 0 : coming->second) >= config_.user_queue)
    throw ApiError(429, "queue_full",
                   "at most " + std::to_string(config_.user_queue) + " requests of one client wait; try again when one is drawn");
  if (!config_.user_per_day) return;
  const Time at = now();
  const auto today = std::ranges::count_if(
      entries_, [&](const auto& item) { return item.second.client == client && is_same_day(item.second.request.time, at); });
  if (today >= *config_.user_per_day)
    throw ApiError(429, "day_full", "at most " + std::to_string(*config_.user_per_day) + " requests of one client a day (UTC)");
}

void Api::Impl::check_model(const std::string& model) const {
  if (models().contains(model)) return;
  bool was_served = false;
  try {
    was_served = bus_.backlog(std::string(messages::kWorkersGroup), messages::requests_topic(model)).topic_exists;
  } catch (const bus::BusError&) {
    throw ApiError(503, "unavailable", kNoAnswer);
  }
  if (!was_served)
    throw ApiError(404, "model_not_found", "no worker serves the model " + model + "; GET /v1/models lists those that are served");
}

View Api::Impl::accept(const std::string& client, messages::Request request, const std::string& repeat_key) {
  request.id = repeat_key.empty() ? new_id() : id_of(client, repeat_key);
  request.time = now();
  if (!repeat_key.empty()) {
    if (const auto known = find(client, request.id)) return *known;
  }
  if (!problem().empty()) throw ApiError(503, "unavailable", kNoAnswer);
  check_model(request.model);
  const auto refused = [&](const ApiError& error) {
    metrics_.counter("prompt2pic_requests_refused_total", "Requests that were not accepted.", {{"reason", error.code()}}).add();
  };
  Entry entry{.request = request, .client = client, .traceparent = messages::new_traceparent()};
  try {
    const Lock lock(mutex_);
    check_limits(client);
    ++coming_[client];
  } catch (const ApiError& error) {
    refused(error);
    throw;
  }
  Event accepted{.id = request.id, .time = request.time, .type = messages::EventType::accepted};
  accepted.request = request;
  accepted.client = client;
  try {
    store(to_message(accepted, entry.traceparent));
  } catch (const ApiError& error) {
    refused(error);
    const Lock lock(mutex_);
    if (--coming_[client] <= 0) coming_.erase(client);
    throw;
  }
  log::info("accepted", {{"id", request.id}, {"client", client}, {"model", request.model}});
  metrics_.counter("prompt2pic_requests_accepted_total", "Requests that were accepted.", {{"model", request.model}}).add();
  const Lock lock(mutex_);
  if (--coming_[client] <= 0) coming_.erase(client);
  // Most often the topic has told of it by now.
  const auto [place, fresh] = entries_.try_emplace(request.id, std::move(entry));
  if (fresh) add(place->second);
  changed_.notify_all();
  return view_of(place->second);
}

const Entry* Api::Impl::entry_of(const std::string& client, const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() || found->second.client != client ? nullptr : &found->second;
}

std::optional<View> Api::Impl::find(const std::string& client, const std::string& id) const {
  constexpr std::chrono::seconds kHeardWithin{1};
  Lock lock(mutex_);
  if (!entries_.contains(id) && is_fresh(id)) changed_.wait_for(lock, kHeardWithin, [&] { return stopping_ || entries_.contains(id); });
  const Entry* const entry = entry_of(client, id);
  if (!entry) return std::nullopt;
  return view_of(*entry);
}

std::optional<View> Api::Impl::wait(const std::string& client, const std::string& id, std::chrono::milliseconds patience,
                                    std::optional<std::uint64_t> version) const {
  Lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] {
    const Entry* const entry = entry_of(client, id);
    return stopping_ || !entry || entry->over() || (version && entry->version != *version);
  });
  const Entry* const entry = entry_of(client, id);
  if (!entry) return std::nullopt;
  return view_of(*entry);
}

bool Api::Impl::cancel(const std::string& client, const std::string& id) {
  const auto view = find(client, id);
  if (!view) return false;
  if (view->entry.over()) return true;
  log::info("cancelling", {{"id", id}});
  const messages::Control wish{.id = id, .time = now(), .type = messages::Control::Type::cancel};
  store(to_message(wish, view->entry.traceparent));
  const Lock lock(mutex_);
  take_wish(wish);
  return true;
}

bool Api::Impl::stopping() const {
  const Lock lock(mutex_);
  return stopping_;
}

std::set<std::string> Api::Impl::models() const {
  const Lock lock(mutex_);
  return served_;
}

Api::Api(bus::Bus& bus, Metrics& metrics, const ApiConfig& config) : impl_(std::make_unique<Impl>(bus, metrics, config)) {}
Api::~Api() = default;
void Api::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Api::problem() const { return impl_->problem(); }
View Api::accept(const std::string& client, messages::Request request, const std::string& repeat_key) {
  return impl_->accept(client, std::move(request), repeat_key);
}
std::optional<View> Api::find(const std::string& client, const std::string& id) const { return impl_->find(client, id); }
std::optional<View> Api::wait(const std::string& client, const std::string& id, std::chrono::milliseconds patience,
                              std::optional<std::uint64_t> version) const {
  return impl_->wait(client, id, patience, version);
}
bool Api::cancel(const std::string& client, const std::string& id) { return impl_->cancel(client, id); }
bool Api::stopping() const { return impl_->stopping(); }
std::set<std::string> Api::models() const { return impl_->models(); }

}  // namespace p2p::api
