#include "services/chat/delivery.hpp"

#include <algorithm>
#include <vector>

#include "base/log.hpp"

namespace p2p::chat {
namespace {

using telegram::Failure;

constexpr std::chrono::seconds kSlow{10};

RateLimiter::Call call_of(Step step) {
  if (step == Step::status_new || step == Step::original_new || step == Step::bell) return RateLimiter::Call::message;
  return step == Step::status_edit ? RateLimiter::Call::progress : RateLimiter::Call::answer;
}

}  // namespace

Delivery::Delivery(EventLoop& loop, UnitOfWork& work, Metrics& metrics, Calls& calls, ActiveRequests& requests, const Outbox& outbox,
                   const dispatch::Dispatch& dispatch, blob::BlobStore& store, const BotConfig& config, Events events)
    : loop_(loop),
      work_(work),
      metrics_(metrics),
      calls_(calls),
      requests_(requests),
      outbox_(outbox),
      dispatch_(dispatch),
      store_(store),
      config_(config),
      events_(std::move(events)) {}

void Delivery::tick() {
  requests_.mark_all_dirty();
  if (dispatch_.models().contains(config_.rules.model)) {
    unserved_since_.reset();
  } else if (!unserved_since_) {
    unserved_since_ = loop_.now();
  }
  metrics_.gauge("prompt2pic_requests_unsettled", "Requests whose chats have not been shown everything.")
      .set(static_cast<double>(requests_.size()));
}

StatusContext Delivery::status_context(const ActiveRequest& active) const {
  const Time at = loop_.now();
  const auto is_long = [&](std::optional<Time> since) { return since && at - *since > kSlow; };
  const auto hangs = [&](const auto& read) { return at - read.second > kStoreSlow; };
  const bool reads_hang = pictures_under_way_ >= Calls::kPictureCalls && store_reads_.size() >= Calls::kPictureCalls &&
                          std::ranges::any_of(store_reads_, hangs);
  return {.estimate = dispatch_.estimate(active.request.id),
          .fraction = active.state.fraction,
          .workers_away = is_long(unserved_since_) && is_long(active.request.accepted),
          .queue_away = is_long(outbox_.oldest()),
          .store_slow = waits_for_store(active, reads_hang, at)};
}

std::optional<std::pair<std::string, Time>> Delivery::link_of(const ChatRequest& request) const {
  if (!may_have_link(request)) return std::nullopt;
  const Time until = loop_.now() + std::min(config_.link_ttl, store_.longest_link());
  const auto link = store_.link(request.outcome.image_key, until);
  if (!link) return std::nullopt;
  return std::pair(*link, until);
}

void Delivery::deliver() {
  const Time at = loop_.now();
  struct Due {
    Step step;
    ActiveRequest* active;
    StatusContext context;
  };
  std::vector<Due> steps;
  for (ActiveRequest* const active : requests_.take_dirty(at)) {
    if (active->attempt.busy) continue;
    if (active->attempt.retry_at > at) {
      requests_.mark_dirty_at(active->request.id, active->attempt.retry_at);
      continue;
    }
    StatusContext context = status_context(*active);
    const NextStep next = next_step(*active, context, at);
    if (next.look_again) requests_.mark_dirty_at(active->request.id, *next.look_again);
    if (next.step != Step::none) {
      steps.push_back({next.step, active, std::move(context)});
    } else if (active->request.shown.answered) {
      settle(*active);
    }
  }
  // Answers first, progress last, in the order of acceptance.
  std::ranges::sort(steps, {}, [](const auto& item) { return std::pair(item.step == Step::status_edit, item.active->request.accepted); });
  for (const auto& [step, active, context] : steps) {
    const Origin& origin = active->request.origin;
    if (is_picture(step) && pictures_under_way_ >= Calls::kPictureCalls) {
      requests_.mark_dirty_at(active->request.id, at + std::chrono::milliseconds(50));
    } else if (const auto until = calls_.wait_for(active->attempt, origin.chat, origin.in_group, call_of(step))) {
      requests_.mark_dirty_at(active->request.id, *until);
    } else {
      begin(step, *active, context);
    }
  }
  if (const auto due = requests_.next_due()) loop_.wake_at(*due);
}

void Delivery::begin(Step step, ActiveRequest& active, const StatusContext& context) {
  active.attempt.busy = true;
  const ChatRequest& request = active.request;
  const auto link = link_of(request);
  SentStep sent = compose(step, request, context, link ? std::optional(link->first) : std::nullopt);
  if (link && (sent.answers || step == Step::answer_picture)) sent.link_until = link->second;
  if (is_picture(step)) {
    ++pictures_under_way_;
    store_reads_[request.id] = loop_.now();
  }
  work_.after([this, sent, request] {
    calls_.run(
        is_picture(sent.step) ? Calls::Pool::picture : Calls::Pool::text, name_of(sent.step),
        [this, sent, request](telegram::Api& api) { return call(api, sent, request); },
        [this, sent](const Calls::Result& result) { finish(sent, result); });
  });
}

Calls::Result Delivery::call(telegram::Api& api, const SentStep& sent, const ChatRequest& request) {
  const Origin& origin = request.origin;
  const Presentation& shown = request.shown;
  const auto reply_to = origin.message == 0 ? std::nullopt : std::optional(origin.message);
  switch (sent.step) {
    case Step::none:
      break;
    case Step::status_new:
      return api.send_message({origin.chat, origin.thread, reply_to}, sent.text, sent.keyboard);
    case Step::original_new:
    case Step::bell:
      return api.send_message({origin.chat, origin.thread, shown.message}, sent.text, {});
    case Step::status_edit:
    case Step::answer_text:
      return as_id(api.edit_message_text(origin.chat, shown.message, sent.text, sent.keyboard));
    case Step::original_text:
      return as_id(api.edit_message_text(origin.chat, shown.original, sent.text, {}));
    case Step::answer_picture:
    case Step::original_picture:
      return show_picture(api, sent, request);
  }
  return 0;
}

Calls::Result Delivery::show_picture(telegram::Api& api, const SentStep& sent, const ChatRequest& request) {
  using enum telegram::Media::Type;
  std::string bytes;
  std::optional<Failure> failure;
  try {
    bytes = store_.get(request.outcome.image_key);
  } catch (const blob::BlobError& error) {
    const bool is_gone = error.kind() == blob::BlobError::Kind::missing;
    failure = is_gone ? Failure{.kind = Failure::Kind::bad_request, .text = std::string(kGone)}
                      : Failure{.kind = Failure::Kind::unreachable, .text = error.what()};
  }
  loop_.post([this, id = request.id, store_failed = failure && failure->kind == Failure::Kind::unreachable] {
    store_reads_.erase(id);
    if (ActiveRequest* const active = requests_.find(id)) active->store_failed = store_failed;
  });
  if (failure) return std::unexpected(*failure);
  const bool as_photo = sent.step == Step::answer_picture && request.shown.form == Presentation::Form::photo && can_be_photo(request);
  const telegram::Media media{as_photo ? photo : document, bytes, "prompt2pic-" + request.id + ".png", "image/png", caption(request)};
  const std::int64_t message = sent.step == Step::answer_picture ? request.shown.message : request.shown.original;
  return as_id(api.edit_message_media(request.origin.chat, message, media, sent.keyboard));
}

void Delivery::finish(const SentStep& sent, const Calls::Result& result) {
  if (is_picture(sent.step)) --pictures_under_way_;
  ActiveRequest* const active = requests_.find(sent.id);
  if (!active) return;
  active->attempt.busy = false;
  requests_.mark_dirty(sent.id);
  const FollowUp follow_up = result ? succeeded(sent, *result, *active, loop_.now()) : on_failure(sent, result.error(), *active);
  if (result && sent.step == Step::answer_picture) {
    metrics_.seconds("prompt2pic_delivery_seconds", "From acceptance to the picture in the chat.")
        .observe(std::chrono::duration<double>(loop_.now() - active->request.accepted).count());
    log::info("shown", {{"id", sent.id}});
  }
  if (follow_up.save) work_.save(active->request);
  if (follow_up.flooded) calls_.flooded(active->request.origin.chat, *follow_up.flooded);
  if (follow_up.moved_to) events_.chat_moved(active->request.origin.chat, *follow_up.moved_to);
  if (follow_up.undeliverable) {
    metrics_.counter("prompt2pic_undeliverable_total", "Requests whose chat accepts no message of the bot.").add();
    log::warn("the chat accepts no message", {{"id", sent.id}});
    events_.undeliverable(*active);
    active->request.shown.answered = true;
    settle(*active);
  }
}

FollowUp Delivery::on_failure(const SentStep& sent, const Failure& failure, ActiveRequest& active) {
  log::write(failure.kind == Failure::Kind::message_gone ? log::Level::debug : log::Level::warn, "a call to Telegram failed",
             {{"id", sent.id}, {"step", name_of(sent.step)}, {"error", failure.text}});
  return failed(sent, failure, active, loop_.now());
}

void Delivery::settle(ActiveRequest& active) {
  // One that was cancelled because its chat is closed is still with a worker: its end is waited for.
  if (!active.request.outcome.is_over()) return;
  active.request.shown.settled = true;
  work_.save(active.request);
  requests_.erase(std::string(active.request.id));
}

}  // namespace p2p::chat
