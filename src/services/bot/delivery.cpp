#include <algorithm>

#include "base/log.hpp"
#include "services/bot/core.hpp"

namespace p2p::bot {
namespace {

using telegram::Failure;

constexpr std::chrono::milliseconds kKnownWithin{300};
constexpr std::chrono::seconds kBetweenEdits{2};
constexpr std::chrono::seconds kBetweenEditsInGroups{10};
constexpr std::chrono::seconds kBetweenEstimates{10};
constexpr std::chrono::seconds kSlow{10};
constexpr std::chrono::seconds kRingAfter{30};

}  // namespace

bool Bot::Core::can_be_photo(const RequestRow& row) {
  const int shorter = std::max(1, std::min(row.width, row.height));
  return row.bytes <= 10'000'000 && row.width + row.height <= 10'000 && std::max(row.width, row.height) / shorter < 20;
}

const char* Bot::Core::name_of(Step step) {
  constexpr std::array<const char*, 9> kNames{"none", "status", "progress", "picture", "text", "original", "original", "original", "bell"};
  return kNames.at(static_cast<std::size_t>(step));
}

StatusContext Bot::Core::status_context(const ActiveRequest& live) {
  const Time at = now();
  StatusContext context{.estimate = dispatch_.estimate(live.row.id), .fraction = live.state.fraction};
  context.workers_away = unserved_since_ && at - *unserved_since_ > kSlow && at - live.row.accepted > kSlow;
  context.queue_away = !undelivered_.empty() && at - undelivered_.begin()->second > kSlow;
  context.store_slow = waits_for_store(live);
  return context;
}

bool Bot::Core::waits_for_store(const ActiveRequest& live) const {
  const Time at = now();
  if (!live.drawn || at - *live.drawn <= kStoreSlow) return false;
  if (live.row.status != Status::finished) return true;  // its worker is storing it
  const auto hangs = [&](const auto& read) { return at - read.second > kStoreSlow; };
  return live.store_failed ||
         (pictures_under_way_ >= kPictureCalls && store_reads_.size() >= kPictureCalls && std::ranges::any_of(store_reads_, hangs));
}

Bot::Core::Step Bot::Core::next_step(ActiveRequest& live) {
  const RequestRow& row = live.row;
  const Time at = now();
  if (row.message == 0 && row.answered) return Step::none;
  if (row.message == 0) {
    // Its place in the queue is known a moment after it was accepted.
    const dispatch::Estimate estimate = dispatch_.estimate(row.id);
    if (row.status != Status::waiting || estimate.position > 0 || estimate.with_worker || at - row.accepted >= kKnownWithin)
      return Step::status_new;
    due_.emplace(at + kKnownWithin / 10, row.id);
    return Step::none;
  }
  const bool may_edit = row.messages_lost < kMostLost;
  const bool tell_first = may_edit && !row.ends_in_words() && waits_for_store(live) && live.shown != say(row.language, Text::storing_slow);
  if (row.ended_somehow() && !row.answered && !tell_first) return row.ends_in_words() ? Step::answer_text : Step::answer_picture;
  if (row.answered) {
    if (row.ends_in_words()) return Step::none;
    if (!row.has_link && row.form == RequestRow::Form::photo && !row.original_shown) {
      if (row.original == 0) return Step::original_new;
      return row.original_refused.empty() ? Step::original_picture : Step::original_text;
    }
    if (!row.bell_rung && row.original == 0 && row.ended - row.accepted > kRingAfter) return Step::bell;
    return Step::none;
  }
  const std::string text = status_text(row, status_context(live));
  if (text == live.shown || !may_edit) return Step::none;
  // A request that waits shows a new estimate seldom; what it does is shown soon.
  const auto spacing = row.status == Status::waiting && !live.shown.empty() ? kBetweenEstimates
                       : row.in_group                                       ? kBetweenEditsInGroups
                                                                            : kBetweenEdits;
  if (at - live.shown_at < spacing) {
    due_.emplace(live.shown_at + spacing, row.id);
    return Step::none;
  }
  return Step::status_edit;
}

void Bot::Core::deliver() {
  const Time at = now();
  while (!due_.empty() && due_.begin()->first <= at) {
    mark_dirty(due_.begin()->second);
    due_.erase(due_.begin());
  }
  for (auto& [number, reply] : replies_) {
    if (reply.busy) continue;
    const auto until =
        reply.retry_at > at ? reply.retry_at : rate_limiter_.take(reply.reply.chat, reply.reply.in_group, RateLimiter::Call::message, at);
    until ? wake_at(*until) : begin(reply);
  }
  edit_links(at);
  std::vector<std::pair<Step, ActiveRequest*>> steps;
  for (const std::string& id : std::exchange(dirty_, {})) {
    const auto found = active_.find(id);
    if (found == active_.end() || found->second.busy) continue;
    ActiveRequest& live = found->second;
    if (live.retry_at > at) {
      due_.emplace(live.retry_at, id);
      continue;
    }
    const Step step = next_step(live);
    if (step != Step::none) {
      steps.emplace_back(step, &live);
    } else if (live.row.answered) {
      settle(live);
    }
  }
  // Answers first, progress last, in the order of acceptance.
  std::ranges::sort(steps, {}, [](const auto& item) { return std::pair(item.first == Step::status_edit, item.second->row.accepted); });
  for (const auto& [step, live] : steps) {
    if (is_picture(step) && pictures_under_way_ >= kPictureCalls) {
      due_.emplace(at + std::chrono::milliseconds(50), live->row.id);
    } else if (const auto until = rate_limiter_.take(live->row.chat, live->row.in_group, call_of(step), at)) {
      due_.emplace(*until, live->row.id);
    } else {
      begin(step, *live);
    }
  }
}

RateLimiter::Call Bot::Core::call_of(Step step) {
  if (step == Step::status_new || step == Step::original_new || step == Step::bell) return RateLimiter::Call::message;
  return step == Step::status_edit ? RateLimiter::Call::progress : RateLimiter::Call::answer;
}

bool Bot::Core::is_picture(Step step) { return step == Step::answer_picture || step == Step::original_picture; }

void Bot::Core::show_picture(Sent& sent, const RequestRow& row, std::int64_t message, telegram::Media::Type type,
                             const telegram::Keyboard& keyboard) {
  std::string bytes;
  std::optional<Failure> failure;
  try {
    bytes = store_.get(row.image_key);
  } catch (const blob::BlobError& error) {
    const bool is_gone = error.kind() == blob::BlobError::Kind::missing;
    sent.store_failed = !is_gone;
    failure = is_gone ? Failure{.kind = Failure::Kind::bad_request, .text = std::string(kGone)}
                      : Failure{.kind = Failure::Kind::unreachable, .text = error.what()};
  }
  post([this, id = row.id] { store_reads_.erase(id); });
  if (failure) {
    sent.result = std::unexpected(*failure);
    return;
  }
  const telegram::Media media{type, bytes, "prompt2pic-" + row.id + ".png", "image/png", caption(row)};
  sent.result = as_id(api_.edit_message_media(row.chat, message, media, keyboard));
}

void Bot::Core::begin(Step step, ActiveRequest& live) {
  live.busy = true;
  const RequestRow& row = live.row;
  const auto [link, until] = link_of(row);
  Sent sent{.step = step, .id = row.id, .answers = row.ends_in_words(), .with_link = link.has_value(), .link_until = until};
  telegram::Keyboard keyboard;
  switch (step) {
    case Step::none:
      return;
    case Step::status_new:
    case Step::status_edit:
    case Step::answer_text:
      sent.text = sent.answers ? ending_text(row, link) : status_text(row, status_context(live));
      keyboard = sent.answers ? answer_keyboard(row, link) : status_keyboard(row);
      break;
    case Step::answer_picture:
      keyboard = answer_keyboard(row, link);
      break;
    case Step::original_new:
      sent.text = say(row.language, Text::original);
      break;
    case Step::original_picture:
      break;
    case Step::original_text:
      sent.text = original_text(row);
      break;
    case Step::bell:
      sent.text = say(row.language, Text::ready);
      break;
  }
  if (is_picture(step)) {
    ++pictures_under_way_;
    store_reads_[row.id] = now();
  }
  after([this, sent, row, keyboard] {
    (is_picture(sent.step) ? picture_calls_ : calls_)->run([this, sent, row, keyboard]() mutable {
      const Time start = now();
      call(sent, row, keyboard);
      count_call(name_of(sent.step), sent.result);
      metrics_.seconds("prompt2pic_telegram_seconds", "Time of calls to Telegram.", {{"step", name_of(sent.step)}})
          .observe(std::chrono::duration<double>(now() - start).count());
      post([this, sent] { finish_step(sent); });
    });
  });
}

void Bot::Core::call(Sent& sent, const RequestRow& row, const telegram::Keyboard& keyboard) {
  using enum telegram::Media::Type;
  const auto reply_to = row.asked_in == 0 ? std::nullopt : std::optional(row.asked_in);
  switch (sent.step) {
    case Step::none:
      return;
    case Step::status_new:
      sent.result = api_.send_message({row.chat, row.thread, reply_to}, sent.text, keyboard);
      return;
    case Step::original_new:
    case Step::bell:
      sent.result = api_.send_message({row.chat, row.thread, row.message}, sent.text, {});
      return;
    case Step::status_edit:
    case Step::answer_text:
      sent.result = as_id(api_.edit_message_text(row.chat, row.message, sent.text, keyboard));
      return;
    case Step::original_text:
      sent.result = as_id(api_.edit_message_text(row.chat, row.original, sent.text, {}));
      return;
    case Step::answer_picture:
      return show_picture(sent, row, row.message, row.form == RequestRow::Form::photo && can_be_photo(row) ? photo : document, keyboard);
    case Step::original_picture:
      return show_picture(sent, row, row.original, document, {});
  }
}

void Bot::Core::retry(std::chrono::milliseconds& backoff, Time& retry_at) const {
  backoff = std::clamp(backoff * 2, std::chrono::milliseconds(250), std::chrono::milliseconds(30'000));
  retry_at = now() + backoff;
}

void Bot::Core::settle(ActiveRequest& live) {
  // One that was cancelled because its chat is closed is still with a worker: its end is waited for.
  if (!live.row.ended_somehow()) return;
  live.row.settled = true;
  save(live.row);
  active_.erase(std::string(live.row.id));
}

void Bot::Core::count_call(const char* step, const telegram::Result<std::int64_t>& result) {
  constexpr std::array<const char*, 16> kNames{"unreachable",  "flood",     "not_modified", "message_gone", "has_media", "reply_gone",
                                               "topic_gone",   "no_rights", "bad_link",     "forbidden",    "chat_gone", "migrated",
                                               "unauthorized", "conflict",  "too_late",     "bad_request"};
  const char* const outcome = result ? "ok" : kNames.at(static_cast<std::size_t>(result.error().kind));
  metrics_.counter("prompt2pic_telegram_calls_total", "Calls to Telegram.", {{"step", step}, {"result", outcome}}).add();
  if (!result && result.error().kind == Failure::Kind::flood)
    metrics_.counter("prompt2pic_telegram_flood_total", "Calls that Telegram refused for their number.").add();
}

}  // namespace p2p::bot
