#include "services/bot/core.hpp"

#include <future>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/bot/request_of.hpp"
#include "services/requests/publish.hpp"

namespace p2p::bot {
namespace {

constexpr std::size_t kInputsATurn = 200;
constexpr std::chrono::milliseconds kWriteWithin{15};
constexpr std::chrono::milliseconds kDatabaseAgain{300};

}  // namespace

Bot::Core::Core(telegram::Api& api, bus::Bus& bus, const requests::Client& requests, const dispatch::Dispatch& dispatch,
                blob::BlobStore& store, State& state, Metrics& metrics, BotConfig config)
    : api_(api),
      bus_(bus),
      requests_(requests),
      dispatch_(dispatch),
      store_(store),
      state_(state),
      metrics_(metrics),
      config_(std::move(config)),
      rate_limiter_(static_cast<std::size_t>(config_.calls_per_second)),
      turns_(config_.steady_clock),
      event_reads_(config_.steady_clock),
      contact_(config_.steady_clock) {
  load();
  producer_ = bus_.producer();
}

void Bot::Core::load() {
  state_.transaction([&] {
    for (RequestRow& row : state_.unsettled()) {
      mark_dirty(row.id);
      const std::string id = row.id;
      active_[id] = active_of(std::move(row));
    }
    for (Reply& reply : state_.replies()) {
      next_number_ = std::max(next_number_, reply.number + 1);
      replies_[reply.number].reply = std::move(reply);
    }
    for (OutboxMessage& letter : state_.outbox()) {
      next_number_ = std::max(next_number_, letter.number + 1);
      // The dispatcher alone sends to workers; an earlier version did so from here.
      if (!messages::model_of(letter.message.topic).empty()) {
        state_.remove_from_outbox(letter.number);
        continue;
      }
      old_outbox_[letter.number] = std::move(letter);
    }
  });
  if (!active_.empty()) log::info("going on with requests from before the start", {{"count", active_.size()}});
}

void Bot::Core::take(const Json& json, std::function<void()> kept) {
  const auto update = telegram::read_update(json);
  if (!update) metrics_.counter("prompt2pic_updates_dropped_total", "Updates of no use.", {{"reason", "unreadable"}}).add();
  post([this, update, kept = std::move(kept)] {
    if (!update || take_update(*update)) after(kept);
  });
}

void Bot::Core::post(std::function<void()> input) {
  const std::scoped_lock lock(mutex_);
  inputs_.push_back(std::move(input));
  changed_.notify_one();
}

void Bot::Core::run(const std::stop_token& stop) {
  stop_ = stop;
  calls_.emplace(8);
  picture_calls_.emplace(kPictureCalls);
  quick_calls_.emplace(2);
  {
    std::jthread events([this](const std::stop_token& over) { read_events(over); });
    while (!stop.stop_requested()) turn(stop);
    // What was under way ends; nothing new is begun.
    stopping_ = true;
    const Time until = now() + std::chrono::seconds(8);
    const auto busy = [](const auto& item) { return item.second.busy; };
    while (now() < until && (std::ranges::any_of(active_, busy) || std::ranges::any_of(replies_, busy))) turn(stop);
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
    if (!refused_.empty()) until = std::min(until, refused_.begin()->first);
    until = std::min(until, now() + std::chrono::milliseconds(stopping_ ? 20 : 1000));
    // The token wakes it; once stopping, it would not let it wait at all.
    if (stopping_) {
      changed_.wait_for(lock, until - now(), [&] { return !inputs_.empty(); });
    } else {
      changed_.wait_for(lock, stop, until - now(), [&] { return !inputs_.empty(); });
    }
    while (!inputs_.empty() && inputs.size() < kInputsATurn) {
      inputs.push_back(std::move(inputs_.front()));
      inputs_.pop_front();
    }
  }
  turns_.stamp();
  wake_.reset();
  for (const auto& input : inputs) input();
  if (now() >= next_tick_) tick();
  for (; !refused_.empty() && refused_.begin()->first <= now(); refused_.erase(refused_.begin()))
    after([this, letter = refused_.begin()->second] { send_from_outbox(letter); });
  if (!stopping_) deliver();
  commit(stop);
}

void Bot::Core::commit(const std::stop_token& stop) {
  if (after_.empty() && !stopping_ && !writes_.empty() && std::chrono::abs(now() - writes_since_) < kWriteWithin)
    return wake_at(writes_since_ + kWriteWithin);
  while (!writes_.empty() && !read([] {})) {
    turns_.stamp();
    // It stays for the next turn; after the last one it is forgotten: nobody has been told of it, so that it will be offered again.
    if (!pause(kDatabaseAgain, stop)) return;
  }
  for (const auto& work : std::exchange(after_, {})) work();
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
  const auto all = [&] {
    for (const auto& write : writes_) write();
    work();
  };
  if (!transact(all, writes_.empty() ? reads_work_ : writes_work_)) return false;
  writes_.clear();
  noted_.clear();
  return true;
}

bool Bot::Core::transact(const std::function<void()>& work, std::atomic<bool>& works) {
  try {
    state_.transaction(work);
    if (!works.exchange(true)) log::info("the database works again");
    return true;
  } catch (const StateError& error) {
    metrics_.counter("prompt2pic_database_retries_total", "Transactions that had to be repeated.").add();
    if (works.exchange(false)) log::error("the database does not work; nothing is lost, it is tried again", {{"error", error.what()}});
    return false;
  }
}

void Bot::Core::insist(bool (Core::*reads)(const std::function<void()>&), const std::function<void()>& work) {
  while (!(this->*reads)(work)) {
    turns_.stamp();
    if (!pause(kDatabaseAgain, stop_)) throw Cancelled();
  }
}

void Bot::Core::send(bus::Outgoing message) {
  const OutboxMessage letter{next_number_++, std::move(message)};
  write([this, letter] { state_.add(letter); });
  after([this, letter] { send_from_outbox(letter); });
}

void Bot::Core::send_from_outbox(const OutboxMessage& letter) {
  undelivered_[letter.number] = now();
  producer_->send(letter.message, [this, letter](const bus::Producer::Problem& problem) {
    post([this, letter, problem] {
      if (problem.empty() || problem.permanent) {
        undelivered_.erase(letter.number);
        write([this, letter] { state_.remove_from_outbox(letter.number); });
        if (problem.permanent) give_up(letter.message, problem.text);
        return;
      }
      // A topic that is missing or forbidden is for the operator to mend; the request waits for it.
      log::error("a message was not delivered; it is tried again",
                 {{"id", letter.message.key}, {"topic", letter.message.topic}, {"error", problem.text}});
      refused_.emplace(now() + std::chrono::seconds(1), letter);
    });
  });
}

void Bot::Core::give_up(const bus::Outgoing& message, const std::string& problem) {
  log::error("Kafka never takes this message; it is given up", {{"id", message.key}, {"topic", message.topic}, {"error", problem}});
  const auto found = active_.find(message.key);
  if (message.topic != messages::kEventsTopic || found == active_.end() || found->second.row.ended_somehow()) return;
  found->second.row.reason = messages::reason::kDrawingFailed;
  found->second.row.detail = problem;
  end(found->second, Status::failed);
}

void Bot::Core::send_accepted(const RequestRow& row) {
  Event accepted{.id = row.id, .time = row.accepted, .type = messages::EventType::accepted};
  accepted.request = request_of(row);
  accepted.client = owner_of(row.user);
  send(requests::to_outgoing(accepted, row.traceparent));
}

void Bot::Core::send_cancel(const RequestRow& row) {
  const messages::Control control{.id = row.id, .time = now(), .type = messages::Control::Type::cancel};
  send(requests::to_outgoing(control, row.traceparent));
}

void Bot::Core::tick() {
  const Time at = now();
  next_tick_ = at + std::chrono::seconds(1);
  for (const auto& [id, live] : active_) mark_dirty(id);
  if (dispatch_.models().contains(config_.model)) {
    unserved_since_.reset();
  } else if (!unserved_since_) {
    unserved_since_ = at;
  }
  rate_limiter_.tidy(at);
  std::erase_if(albums_, [&](const auto& item) { return at - item.second > std::chrono::minutes(1); });
  std::erase_if(pressed_, [&](const auto& item) { return at - item.second > std::chrono::seconds(2); });
  expire_links();
  metrics_.gauge("prompt2pic_letters_undelivered", "Messages that Kafka has not confirmed.").set(static_cast<double>(undelivered_.size()));
  metrics_.gauge("prompt2pic_requests_unsettled", "Requests whose chats have not been shown everything.")
      .set(static_cast<double>(active_.size()));
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
    event_reads_.stamp();
    try {
      if (!reader) {
        bus_.ensure_topics(
            {{topic, 4}, {std::string(messages::kControlTopic), 1}, {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}});
        const auto known = std::make_shared<std::promise<bus::StartAt>>();
        post([this, known, topic] {
          bus::StartAt start;
          try {
            insist(&Core::read, [&] { start = {.offsets = state_.offsets(), .since = std::nullopt, .log = state_.log_of(topic)}; });
          } catch (const Cancelled&) {
            return;
          }
          known->set_value(std::move(start));
        });
        auto answer = known->get_future();
        while (answer.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
          if (stop.stop_requested()) return;
          event_reads_.stamp();  // the turns are what is waited for
        }
        const bus::StartAt start = answer.get();
        reader = bus_.read_log(topic, start);
        const bool is_another = !start.log.empty() && start.log != reader->log();
        // Where it begins is kept before anything is published, so that no answer is missed.
        post([this, topic, is_another, positions = reader->positions(), log = reader->log()] {
          write([this, topic, positions, log] {
            state_.save_offsets(positions);
            state_.save_log(topic, log);
          });
          if (is_another) accept_again();
        });
      }
      const auto records = reader->poll(std::chrono::milliseconds(100));
      events_work_ = true;
      if (!records.empty()) post([this, records, positions = reader->positions()] { take_records(records, positions); });
      if (!caught_up && reader->caught_up()) {
        caught_up = true;
        post([this] {
          for (const auto& [number, letter] : std::exchange(old_outbox_, {})) after([this, letter] { send_from_outbox(letter); });
        });
      }
    } catch (const Error& error) {
      events_work_ = false;
      reader.reset();
      log::warn("events cannot be read; it is tried again", {{"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
}

std::string Bot::Core::problem() const {
  if (!reads_work_ || !writes_work_) return "the database does not work";
  if (!events_work_) return "Kafka is not reachable";
  const std::string stuck = Heartbeat::stuck(
      {{turns_, "the requests: the database or the disk may hang"}, {event_reads_, "the events: Kafka's client may hang"}});
  return stuck.empty() ? contact_.problem() : stuck + "; restart it if it stays so";
}

Bot::Bot(telegram::Api& api, bus::Bus& bus, const requests::Client& requests, const dispatch::Dispatch& dispatch, blob::BlobStore& store,
         State& state, Metrics& metrics, BotConfig config)
    : core_(std::make_unique<Core>(api, bus, requests, dispatch, store, state, metrics, std::move(config))) {}
Bot::~Bot() = default;
void Bot::take(const Json& update, std::function<void()> kept) { core_->take(update, std::move(kept)); }
void Bot::run(const std::stop_token& stop) { core_->run(stop); }
std::string Bot::problem() const { return core_->problem(); }
Contact& Bot::contact() { return core_->contact(); }

}  // namespace p2p::bot
