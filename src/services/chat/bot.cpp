#include "services/chat/bot.hpp"

#include <algorithm>
#include <thread>

#include "base/log.hpp"
#include "services/chat/eraser.hpp"
#include "services/chat/event_reader.hpp"
#include "services/chat/intake.hpp"

namespace p2p::chat {

/// A single-threaded event loop around the parts. Each turn runs the inputs, begins the calls that are due, commits one transaction and
/// then performs the side effects. Calls to Telegram and the reading of events run on other threads and post their results.
class Bot::Impl {
 public:
  Impl(telegram::Api& api, bus::Bus& bus, const requests::Client& client, const dispatch::Dispatch& dispatch, blob::BlobStore& pictures,
       ChatStore& store, Metrics& metrics, BotConfig config)
      : dropped_(metrics.counter("prompt2pic_updates_dropped_total", "Updates of no use.", {{"reason", "unreadable"}})),
        undelivered_(metrics.gauge("prompt2pic_letters_undelivered", "Messages that Kafka has not confirmed.")),
        config_(std::move(config)),
        contact_(config_.steady_clock),
        loop_(config_.clock, config_.steady_clock),
        work_(store, loop_, metrics),
        outbox_(bus, loop_, work_, [this](const bus::Outgoing& message, const std::string& problem) { events_.reject(message, problem); }),
        calls_(api, loop_, metrics, static_cast<std::size_t>(config_.calls_per_second)),
        delivery_(loop_, work_, metrics, calls_, requests_, outbox_, dispatch, pictures, config_,
                  {.chat_moved = [this](std::int64_t from, std::int64_t to) { move_chat(from, to); },
                   .undeliverable = [this](ActiveRequest& active) { intake_.cancel(active); }}),
        replies_(loop_, work_, calls_, [this](std::int64_t from, std::int64_t to) { move_chat(from, to); }),
        links_(loop_, work_, calls_, requests_, delivery_),
        eraser_(loop_, work_, pictures),
        intake_(loop_, work_, metrics, config_, {requests_, outbox_, replies_, links_, calls_, delivery_, client}),
        events_(loop_, work_, metrics, requests_, outbox_),
        reader_(bus, loop_, work_, events_, outbox_, config_.steady_clock, [this] { publish_again(); }) {
    load(store);
  }

  void take(const Json& json, std::function<void()> kept) {
    const auto update = telegram::read_update(json);
    if (!update) dropped_.add();
    loop_.post([this, update, kept = std::move(kept)] {
      if (!update || intake_.take(*update)) work_.after(kept);
    });
  }

  void run(const std::stop_token& stop);
  std::string problem() const;
  Contact& contact() { return contact_; }

 private:
  void load(ChatStore& store);
  void turn(const std::stop_token& stop);
  /// After a stop: ends what is under way and begins nothing new.
  void drain();
  void tick(Time at);
  void remove_old(Time at);
  void move_chat(std::int64_t from, std::int64_t to);
  /// The events' topic was made anew: what was accepted is published again.
  void publish_again();

  const Counter dropped_;
  const Gauge undelivered_;
  const BotConfig config_;
  Contact contact_;

  EventLoop loop_;
  UnitOfWork work_;
  ActiveRequests requests_;
  Outbox outbox_;
  Calls calls_;
  Delivery delivery_;
  Replies replies_;
  LinkButtons links_;
  Eraser eraser_;
  Intake intake_;
  EventHandler events_;
  EventReader reader_;
  Time next_tick_;
  Time next_removal_;
};

void Bot::Impl::load(ChatStore& store) {
  store.transaction([&] {
    for (ChatRequest& request : store.unsettled()) requests_.add(std::move(request));
    replies_.load(store.replies().all());
    outbox_.load(store.outbox().all());
  });
  if (requests_.size() > 0) log::info("going on with requests from before the start", {{"count", requests_.size()}});
}

void Bot::Impl::run(const std::stop_token& stop) {
  work_.set_stop(stop);
  calls_.start();
  {
    const std::jthread reading([this](const std::stop_token& over) { reader_.run(over); });
    while (!stop.stop_requested()) turn(stop);
    drain();
  }
  outbox_.flush(std::chrono::seconds(8));
  loop_.run_inputs(loop_.now(), {});  // confirmations that came meanwhile
  work_.commit(true);
  calls_.stop();
}

void Bot::Impl::turn(const std::stop_token& stop) {
  loop_.run_inputs(std::min(next_tick_, loop_.now() + std::chrono::seconds(1)), stop);
  if (const Time at = loop_.now(); at >= next_tick_) tick(at);
  outbox_.resend();
  replies_.deliver();
  links_.deliver();
  delivery_.deliver();
  work_.commit(false);
}

void Bot::Impl::drain() {
  const auto busy = [](const auto& item) { return item.second.attempt.busy; };
  const Time until = loop_.now() + std::chrono::seconds(8);
  do {
    loop_.run_inputs(loop_.now() + std::chrono::milliseconds(20), {});
    work_.commit(true);
  } while (loop_.now() < until && (std::ranges::any_of(requests_, busy) || replies_.busy()));
}

void Bot::Impl::tick(Time at) {
  next_tick_ = at + std::chrono::seconds(1);
  delivery_.tick();
  intake_.tick();
  calls_.tidy();
  links_.expire();
  eraser_.tick();
  undelivered_.set(static_cast<double>(outbox_.undelivered()));
  if (at >= next_removal_) remove_old(at);
}

void Bot::Impl::remove_old(Time at) {
  next_removal_ = at + std::chrono::hours(1);
  work_.write([at](ChatStore& store) { store.prune(at - std::chrono::days(30)); });
}

void Bot::Impl::move_chat(std::int64_t from, std::int64_t to) {
  log::info("a group became a supergroup", {{"from", from}, {"to", to}});
  work_.write([from, to](ChatStore& store) { store.move_chat(from, to); });
  for (auto& [id, active] : requests_) {
    ChatRequest& request = active.request;
    if (request.origin.chat != from) continue;
    request.origin.chat = to;
    // Messages of the old chat cannot be edited from the new one.
    if (!request.shown.answered) request.shown.message = 0;
    work_.save(request);
    requests_.mark_dirty(id);
  }
  replies_.move_chat(from, to);
}

void Bot::Impl::publish_again() {
  for (const auto& [id, active] : requests_) {
    if (active.request.outcome.is_over()) continue;
    log::warn("a request is published again: the topic of events was made anew", {{"id", id}});
    intake_.publish_accepted(active.request);
    if (active.request.outcome.cancelling) intake_.publish_cancel(active.request);
  }
}

std::string Bot::Impl::problem() const {
  if (!work_.works()) return "the database does not work";
  if (!reader_.works()) return "Kafka is not reachable";
  const std::string stuck = Heartbeat::stuck(
      {{loop_.turns(), "the requests: the database or the disk may hang"}, {reader_.reads(), "the events: Kafka's client may hang"}});
  return stuck.empty() ? contact_.problem() : stuck + "; restart it if it stays so";
}

Bot::Bot(telegram::Api& api, bus::Bus& bus, const requests::Client& requests, const dispatch::Dispatch& dispatch, blob::BlobStore& pictures,
         ChatStore& store, Metrics& metrics, BotConfig config)
    : impl_(std::make_unique<Impl>(api, bus, requests, dispatch, pictures, store, metrics, std::move(config))) {}
Bot::~Bot() = default;
void Bot::take(const Json& update, std::function<void()> kept) { impl_->take(update, std::move(kept)); }
void Bot::run(const std::stop_token& stop) { impl_->run(stop); }
std::string Bot::problem() const { return impl_->problem(); }
Contact& Bot::contact() { return impl_->contact(); }

}  // namespace p2p::chat
