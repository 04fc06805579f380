#include "services/bot/core.hpp"

#include <future>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/routing/observe.hpp"

namespace p2p::bot {
namespace {

constexpr std::size_t kInputsATurn = 200;
constexpr std::chrono::milliseconds kWriteWithin{15};

}  // namespace

Bot::Core::Core(telegram::Api& api, bus::Bus& bus, blob::BlobStore& store, State& state, Metrics& metrics, BotConfig config)
    : api_(api),
      bus_(bus),
      store_(store),
      state_(state),
      metrics_(metrics),
      config_(std::move(config)),
      router_({.user_in_flight = config_.user_in_flight}),
      pace_(static_cast<std::size_t>(config_.calls_per_second)) {
  models_.insert(config_.model);
  load();
  producer_ = bus_.producer();
}

void Bot::Core::load() {
  state_.transaction([&] {
    for (RequestRow& row : state_.unsettled()) {
      if (row.status == Status::waiting) router_.add(waiting_of(row));
      if (row.status == Status::sent) router_.add_dispatched(waiting_of(row), row.partition, row.started);
      look_at(row.id);
      live_[row.id].row = std::move(row);
    }
    for (Reply& reply : state_.replies()) {
      next_number_ = std::max(next_number_, reply.number + 1);
      replies_[reply.number].reply = std::move(reply);
    }
    for (BusLetter& letter : state_.letters()) {
      next_number_ = std::max(next_number_, letter.number + 1);
      old_letters_[letter.number] = std::move(letter);
    }
  });
  if (!live_.empty()) log::info("going on with requests from before the start", {{"count", live_.size()}});
}

bool Bot::Core::take(const Json& json, std::chrono::milliseconds patience) {
  const auto update = telegram::read_update(json);
  if (!update) {
    metrics_.counter("prompt2pic_updates_dropped_total", "Updates of no use.", {{"reason", "unreadable"}}).add();
    return true;
  }
  const auto kept = std::make_shared<std::promise<void>>();
  auto waiting = kept->get_future();
  post([this, update, kept] {
    take_update(*update);
    after([kept] { kept->set_value(); });
  });
  return waiting.wait_for(patience) == std::future_status::ready;
}

void Bot::Core::post(std::function<void()> input) {
  const std::scoped_lock lock(mutex_);
  inputs_.push_back(std::move(input));
  changed_.notify_one();
}

void Bot::Core::run(const std::stop_token& stop) {
  calls_.emplace(8);
  picture_calls_.emplace(kPictureCalls);
  quick_calls_.emplace(2);
  {
    std::jthread events([this](const std::stop_token& over) { read_events(over); });
    std::jthread workers([this](const std::stop_token& over) { watch_workers(over); });
    while (!stop.stop_requested()) turn(stop);
    // What was under way ends; nothing new is begun.
    stopping_ = true;
    const Time until = now() + std::chrono::seconds(8);
    const auto busy = [](const auto& item) { return item.second.busy; };
    while (now() < until && (std::ranges::any_of(live_, busy) || std::ranges::any_of(replies_, busy))) turn(stop);
  }
  producer_->flush(std::chrono::seconds(8));
  turn(stop);  // deliveries that were told meanwhile
  calls_.reset();
  picture_calls_.reset();
  quick_calls_.reset();
}

void Bot::Core::turn(const std::stop_token& stop) {
  std::deque<std::function<void()>> inputs;
  {
    std::unique_lock lock(mutex_);
    Time until = next_tick_;
    if (wake_) until = std::min(until, *wake_);
    if (!due_.empty()) until = std::min(until, due_.begin()->first);
    until = std::min(until, now() + std::chrono::milliseconds(stopping_ ? 20 : 1000));
    // The token wakes it; once stopping, it would not let it wait at all.
    if (stopping_) {
      changed_.wait_until(lock, until, [&] { return !inputs_.empty(); });
    } else {
      changed_.wait_until(lock, stop, until, [&] { return !inputs_.empty(); });
    }
    while (!inputs_.empty() && inputs.size() < kInputsATurn) {
      inputs.push_back(std::move(inputs_.front()));
      inputs_.pop_front();
    }
  }
  wake_.reset();
  for (const auto& input : inputs) input();
  if (now() >= next_tick_) tick();
  if (!stopping_) {
    route();
    deliver();
  }
  commit(stop);
}

void Bot::Core::commit(const std::stop_token& stop) {
  if (after_.empty() && !stopping_ && !writes_.empty() && std::chrono::abs(now() - writes_since_) < kWriteWithin)
    return wake_at(writes_since_ + kWriteWithin);
  const auto writes = std::exchange(writes_, {});
  noted_.clear();
  const auto afterwards = std::exchange(after_, {});
  while (!writes.empty()) {
    try {
      state_.transaction([&] {
        for (const auto& work : writes) work();
      });
      if (!database_works_.exchange(true)) log::info("the database works again");
      break;
    } catch (const StateError& error) {
      metrics_.counter("prompt2pic_database_retries_total", "Transactions that had to be repeated.").add();
      if (database_works_.exchange(false))
        log::error("the database does not work; nothing is lost, it is tried again", {{"error", error.what()}});
      if (stopping_ || !pause(std::chrono::milliseconds(300), stop)) {
        if (stop.stop_requested()) return;  // nothing of this turn has been told to anybody, so that it will be offered again
      }
    }
  }
  for (const auto& work : afterwards) work();
}

void Bot::Core::wake_at(Time at) {
  if (!wake_ || at < *wake_) wake_ = at;
}

void Bot::Core::save(const RequestRow& row) {
  write([this, row] { state_.save(row); });
}

void Bot::Core::write(std::function<void()> work) {
  if (writes_.empty()) writes_since_ = now();
  writes_.push_back(std::move(work));
}

bool Bot::Core::read(const std::function<void()>& work) {
  const bool works = peek([&] {
    for (const auto& write : writes_) write();
    work();
  });
  if (!works) return false;
  writes_.clear();
  noted_.clear();
  return true;
}

bool Bot::Core::peek(const std::function<void()>& work) {
  try {
    state_.transaction(work);
    return true;
  } catch (const StateError& error) {
    if (database_works_.exchange(false))
      log::error("the database does not work; nothing is lost, it is tried again", {{"error", error.what()}});
    return false;
  }
}

void Bot::Core::send(bus::Outgoing message) {
  const BusLetter letter{next_number_++, std::move(message)};
  write([this, letter] { state_.add(letter); });
  after([this, letter] { send_letter(letter); });
}

void Bot::Core::send_letter(const BusLetter& letter) {
  undelivered_[letter.number] = now();
  producer_->send(letter.message, [this, letter](const std::string& problem) {
    post([this, letter, problem] {
      if (problem.empty()) {
        undelivered_.erase(letter.number);
        write([this, letter] { state_.remove_letter(letter.number); });
        return;
      }
      // A topic that is missing or forbidden is for the operator to mend; the request waits for it.
      log::error("a message was not delivered; it is tried again",
                 {{"id", letter.message.key}, {"topic", letter.message.topic}, {"error", problem}});
      calls_->run([this, letter] {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        post([this, letter] { after([this, letter] { send_letter(letter); }); });
      });
    });
  });
}

void Bot::Core::send_event(const Event& event, const std::string& traceparent) {
  send({.topic = std::string(messages::kEventsTopic),
        .key = event.id,
        .value = messages::encode(event),
        .headers = {{"traceparent", traceparent}, {"type", std::string(messages::name_of(event.type))}}});
}

void Bot::Core::send_control(const RequestRow& row, messages::Control::Type type) {
  const messages::Control control{.id = row.id, .time = now(), .type = type, .dispatch = row.dispatch};
  send({.topic = std::string(messages::kControlTopic),
        .key = row.id,
        .value = messages::encode(control),
        .headers = {{"traceparent", messages::child_of(row.traceparent)},
                    {"type", type == messages::Control::Type::cancel ? "cancel" : "release"}}});
}

void Bot::Core::tick() {
  const Time at = now();
  next_tick_ = at + std::chrono::seconds(1);
  for (const auto& [id, live] : live_) look_at(id);
  for (const std::string& id : router_.to_release(at)) send_control(live_.at(id).row, messages::Control::Type::release);
  pace_.tidy(at);
  std::erase_if(pressed_, [&](const auto& item) { return at - item.second > std::chrono::seconds(2); });
  expire_links();
  routing::tell_depths(metrics_, router_, models_, at);
  metrics_.gauge("prompt2pic_letters_undelivered", "Messages that Kafka has not confirmed.").set(static_cast<double>(undelivered_.size()));
  metrics_.gauge("prompt2pic_requests_unsettled", "Requests whose chats have not been shown everything.")
      .set(static_cast<double>(live_.size()));
  if (at < next_prune_) return;
  next_prune_ = at + std::chrono::hours(1);
  write([this, at] { state_.prune(at - std::chrono::days(30)); });
  if (config_.keep_days) {
    calls_->run([this, day = std::chrono::floor<std::chrono::days>(at) - std::chrono::days(*config_.keep_days)] {
      try {
        store_.remove_before(day);
      } catch (const blob::BlobError& error) {
        log::warn("old pictures could not be deleted", {{"error", error.what()}});
      }
    });
  }
}

void Bot::Core::read_events(const std::stop_token& stop) {
  const std::string topic(messages::kEventsTopic);
  std::unique_ptr<bus::LogReader> reader;
  bool caught_up = false;
  while (!stop.stop_requested()) {
    try {
      if (!reader) {
        bus_.ensure_topics(
            {{topic, 4}, {std::string(messages::kControlTopic), 1}, {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}});
        const auto known = std::make_shared<std::promise<std::map<bus::TopicPartition, std::int64_t>>>();
        post([this, known] {
          std::map<bus::TopicPartition, std::int64_t> offsets;
          while (!read([&] { offsets = state_.offsets(); })) std::this_thread::sleep_for(std::chrono::milliseconds(300));
          known->set_value(std::move(offsets));
        });
        auto answer = known->get_future();
        while (answer.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
          if (stop.stop_requested()) return;
        }
        reader = bus_.read_log(topic, {.offsets = answer.get(), .since = std::nullopt});
        // Where it begins is kept before anything is asked of workers, so that no answer is missed.
        post([this, positions = reader->positions()] { write([this, positions] { state_.save_offsets(positions); }); });
      }
      const auto records = reader->poll(std::chrono::milliseconds(100));
      events_work_ = true;
      if (!records.empty()) post([this, records, positions = reader->positions()] { take_records(records, positions); });
      if (!caught_up && reader->caught_up()) {
        caught_up = true;
        post([this] {
          may_route_ = true;
          for (const auto& [number, letter] : std::exchange(old_letters_, {})) after([this, letter] { send_letter(letter); });
        });
      }
    } catch (const Error& error) {
      events_work_ = false;
      log::warn("events cannot be read; it is tried again", {{"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
}

void Bot::Core::watch_workers(const std::stop_token& stop) {
  const std::string group(messages::kWorkersGroup);
  const std::string topic = messages::requests_topic(config_.model);
  while (!stop.stop_requested()) {
    try {
      const auto description = bus_.describe_group(group);
      const bool known = !description.members.empty() || bus_.backlog(group, topic).topic_exists;
      workers_seen_ = true;
      post([this, description, known] { take_group(description, known); });
    } catch (const Error& error) {
      if (workers_seen_.exchange(false)) log::warn("the workers cannot be seen", {{"error", error.what()}});
    }
    pause(std::chrono::milliseconds(500), stop);
  }
}

std::string Bot::Core::problem() const {
  if (!database_works_) return "the database does not work";
  if (!events_work_ || !workers_seen_) return "Kafka is not reachable";
  return "";
}

Bot::Bot(telegram::Api& api, bus::Bus& bus, blob::BlobStore& store, State& state, Metrics& metrics, BotConfig config)
    : core_(std::make_unique<Core>(api, bus, store, state, metrics, std::move(config))) {}
Bot::~Bot() = default;
bool Bot::take(const Json& update, std::chrono::milliseconds patience) { return core_->take(update, patience); }
void Bot::run(const std::stop_token& stop) { core_->run(stop); }
std::string Bot::problem() const { return core_->problem(); }

}  // namespace p2p::bot
