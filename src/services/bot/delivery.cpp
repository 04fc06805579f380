#include <algorithm>

#include "base/log.hpp"
#include "services/bot/core.hpp"

namespace p2p::bot {
namespace {

using telegram::Failure;

constexpr std::chrono::seconds kBetweenEdits{2};
constexpr std::chrono::seconds kBetweenEditsInGroups{10};
constexpr std::chrono::seconds kBetweenEstimates{10};
constexpr std::chrono::seconds kSlow{10};
constexpr std::chrono::seconds kStoreSlow{7};  // less than a read that hangs is waited for: the next one begins after it has been told
constexpr std::chrono::seconds kRingAfter{30};
constexpr int kMessagesLost = 3;
constexpr const char* kGone = "the picture is gone";

constexpr std::array<const char*, 8> kStepNames{"none", "status", "progress", "picture", "text", "original", "original", "bell"};

/// Telegram's rules for photos; what breaks them goes as a document.
bool can_be_photo(const RequestRow& row) {
  const int shorter = std::max(1, std::min(row.width, row.height));
  return row.bytes <= 10'000'000 && row.width + row.height <= 10'000 && std::max(row.width, row.height) / shorter < 20;
}

}  // namespace

Outlook Bot::Core::outlook_of(const Live& live) {
  const Time at = now();
  Outlook outlook{.estimate = router_.estimate(live.row.id, at), .fraction = live.fraction};
  outlook.workers_away = unserved_since_ && at - *unserved_since_ > kSlow && at - live.row.accepted > kSlow;
  outlook.queue_away = !undelivered_.empty() && at - undelivered_.begin()->second > kSlow;
  outlook.store_slow = live.drawn && at - *live.drawn > kStoreSlow;
  return outlook;
}

Bot::Core::Step Bot::Core::next_step(Live& live) {
  const RequestRow& row = live.row;
  if (row.message == 0) return Step::status_new;
  const Time at = now();
  const bool held_up = live.backoff.count() > 0 || pictures_under_way_ >= kPictureCalls;
  const bool tell_first = row.status == Status::finished && live.drawn && at - *live.drawn > kStoreSlow && held_up &&
                          live.shown != say(row.language, Text::storing_slow);
  if (row.ended_somehow() && !row.answered && !tell_first) {
    return row.status == Status::finished && row.form != RequestRow::Form::text ? Step::answer_picture : Step::answer_text;
  }
  if (row.answered) {
    if (row.status != Status::finished || row.form == RequestRow::Form::text) return Step::none;
    if (!row.has_link && row.form == RequestRow::Form::photo && !row.original_shown)
      return row.original == 0 ? Step::original_new : Step::original_picture;
    if (!row.bell_rung && row.original == 0 && row.ended - row.accepted > kRingAfter) return Step::bell;
    return Step::none;
  }
  const std::string text = status_text(row, outlook_of(live));
  if (text == live.shown) return Step::none;
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
    look_at(due_.begin()->second);
    due_.erase(due_.begin());
  }
  for (auto& [number, reply] : replies_) {
    if (reply.busy) continue;
    const auto until = reply.retry_at > at ? reply.retry_at : pace_.take(reply.reply.chat, reply.reply.in_group, Pace::Call::message, at);
    until ? wake_at(*until) : begin(reply);
  }
  edit_links(at);
  std::vector<std::pair<Step, Live*>> steps;
  for (const std::string& id : std::exchange(dirty_, {})) {
    const auto found = live_.find(id);
    if (found == live_.end() || found->second.busy) continue;
    Live& live = found->second;
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
    } else if (const auto until = pace_.take(live->row.chat, live->row.in_group, call_of(step), at)) {
      due_.emplace(*until, live->row.id);
    } else {
      begin(step, *live);
    }
  }
}

Pace::Call Bot::Core::call_of(Step step) {
  if (step == Step::status_new || step == Step::original_new || step == Step::bell) return Pace::Call::message;
  return step == Step::status_edit ? Pace::Call::progress : Pace::Call::answer;
}

bool Bot::Core::is_picture(Step step) { return step == Step::answer_picture || step == Step::original_picture; }

telegram::Result<std::int64_t> Bot::Core::show_picture(const RequestRow& row, std::int64_t message, telegram::Media::Type type,
                                                       const telegram::Keyboard& keyboard) {
  std::string bytes;
  try {
    bytes = store_.get(row.image_key);
  } catch (const blob::BlobError& error) {
    if (error.kind() == blob::BlobError::Kind::missing) return std::unexpected(Failure{.kind = Failure::Kind::bad_request, .text = kGone});
    return std::unexpected(Failure{.kind = Failure::Kind::unreachable, .text = error.what()});
  }
  const telegram::Media media{type, bytes, "prompt2pic-" + row.id + ".png", "image/png", caption(row)};
  return as_id(api_.edit_message_media(row.chat, message, media, keyboard));
}

void Bot::Core::begin(Step step, Live& live) {
  live.busy = true;
  const RequestRow& row = live.row;
  const bool failed = row.ended_somehow() && row.status != Status::finished;
  const auto [link, until] = row.status == Status::finished ? link_of(row) : std::pair{std::optional<std::string>(), Time()};
  std::string text;
  telegram::Keyboard keyboard;
  switch (step) {
    case Step::none:
      return;
    case Step::status_new:
    case Step::status_edit:
      text = failed ? ending_text(row) : status_text(row, outlook_of(live));
      keyboard = failed ? answer_keyboard(row, {}) : status_keyboard(row);
      break;
    case Step::answer_picture:
      keyboard = answer_keyboard(row, link);
      break;
    case Step::answer_text:
      text = failed || row.reason == kGone || !link ? ending_text(row) : say(row.language, Text::not_shown, {*link});
      keyboard = answer_keyboard(row, {});
      break;
    case Step::original_new:
      text = say(row.language, Text::original);
      break;
    case Step::original_picture:
      break;
    case Step::bell:
      text = say(row.language, Text::ready);
      break;
  }
  const auto call = [this, step, row, text, keyboard]() -> telegram::Result<std::int64_t> {
    const bool photo = row.form == RequestRow::Form::photo && can_be_photo(row);
    switch (step) {
      case Step::none:
        return 0;
      case Step::status_new:
        return api_.send_message({row.chat, row.thread, row.asked_in}, text, keyboard);
      case Step::original_new:
      case Step::bell:
        return api_.send_message({row.chat, row.thread, row.message}, text, {});
      case Step::status_edit:
      case Step::answer_text:
        return as_id(api_.edit_message_text(row.chat, row.message, text, keyboard));
      case Step::answer_picture:
        return show_picture(row, row.message, photo ? telegram::Media::Type::photo : telegram::Media::Type::document, keyboard);
      case Step::original_picture:
        return show_picture(row, row.original, telegram::Media::Type::document, {});
    }
    return 0;
  };
  if (is_picture(step)) ++pictures_under_way_;
  after([this, step, id = row.id, text, call, with_link = link.has_value(), until] {
    (is_picture(step) ? picture_calls_ : calls_)->run([this, step, id, text, call, with_link, until] {
      const Time start = now();
      const auto result = call();
      count_call(kStepNames.at(static_cast<std::size_t>(step)), result);
      metrics_
          .seconds("prompt2pic_telegram_seconds", "Time of calls to Telegram.", {{"step", kStepNames.at(static_cast<std::size_t>(step))}})
          .observe(std::chrono::duration<double>(now() - start).count());
      post([this, step, id, text, result, with_link, until] { finish_step(step, id, text, result, with_link, until); });
    });
  });
}

void Bot::Core::finish_step(Step step, const std::string& id, const std::string& shown, const telegram::Result<std::int64_t>& result,
                            bool with_link, Time link_until) {
  if (is_picture(step)) --pictures_under_way_;
  const auto found = live_.find(id);
  if (found == live_.end()) return;
  Live& live = found->second;
  RequestRow& row = live.row;
  live.busy = false;
  look_at(id);
  if (!result) return fail_step(step, live, result.error());
  live.backoff = {};
  switch (step) {
    case Step::none:
      return;
    case Step::status_new:
      row.message = *result;
      // A request that ended meanwhile is answered by an edit all the same, if this text was not its ending.
      row.answered = row.ended_somehow() && row.status != Status::finished && shown == ending_text(row);
      break;
    case Step::status_edit:
      break;
    case Step::answer_picture:
      row.answered = true;
      if (!can_be_photo(row)) row.form = RequestRow::Form::document;
      row.has_link = with_link;
      row.link_until = link_until;
      metrics_.seconds("prompt2pic_delivery_seconds", "From acceptance to the picture in the chat.")
          .observe(std::chrono::duration<double>(now() - row.accepted).count());
      log::info("shown", {{"id", id}});
      break;
    case Step::answer_text:
      row.answered = true;
      break;
    case Step::original_new:
      row.original = *result;
      row.bell_rung = true;  // a new message rings by itself
      break;
    case Step::original_picture:
      row.original_shown = true;
      break;
    case Step::bell:
      row.bell_rung = true;
      break;
  }
  if (step == Step::status_new || step == Step::status_edit) {
    live.shown = shown;
    live.shown_at = now();
    if (step == Step::status_edit) return;  // nothing to be kept
  }
  save(row);
}

void Bot::Core::retry(std::chrono::milliseconds& backoff, Time& retry_at) const {
  backoff = std::clamp(backoff * 2, std::chrono::milliseconds(250), std::chrono::milliseconds(30'000));
  retry_at = now() + backoff;
}

void Bot::Core::fail_step(Step step, Live& live, const Failure& failure) {
  RequestRow& row = live.row;
  log::write(failure.kind == Failure::Kind::message_gone ? log::Level::debug : log::Level::warn, "a call to Telegram failed",
             {{"id", row.id}, {"step", kStepNames.at(static_cast<std::size_t>(step))}, {"error", failure.text}});
  switch (failure.kind) {
    case Failure::Kind::not_modified:
      return;
    case Failure::Kind::flood:
      live.retry_at = now() + failure.retry_after;
      return pace_.flooded(row.chat, failure.retry_after, now());
    case Failure::Kind::unreachable:
    case Failure::Kind::unauthorized:
    case Failure::Kind::conflict:
    case Failure::Kind::too_late:
      retry(live.backoff, live.retry_at);
      // Not later than it is to be told that the picture is held up.
      if (is_picture(step) && live.drawn && live.shown != say(row.language, Text::storing_slow))
        live.retry_at = std::min(live.retry_at, std::max(now(), *live.drawn + kStoreSlow + std::chrono::milliseconds(1)));
      return;
    case Failure::Kind::migrated:
      return move_chat(row.chat, failure.migrate_to);
    case Failure::Kind::message_gone:
      if (step == Step::original_picture) {
        row.original_shown = true;  // whoever deletes it does not want it
        return save(row);
      }
      if (++row.messages_lost >= kMessagesLost) return settle(live);
      row.message = 0;
      live.shown.clear();
      return save(row);
    case Failure::Kind::forbidden:
    case Failure::Kind::chat_gone:
      metrics_.counter("prompt2pic_undeliverable_total", "Requests whose chat is closed to the bot.").add();
      if (!row.ended_somehow()) cancel(live);
      row.answered = true;
      return settle(live);
    case Failure::Kind::bad_request:
      break;
  }
  // No repeat mends it: show it in a plainer way.
  if (failure.text == kGone) {
    if (step == Step::original_picture) {
      row.original_shown = true;
    } else {
      row.form = RequestRow::Form::text;
      row.reason = kGone;
    }
    return save(row);
  }
  if (step == Step::answer_picture) {
    row.form = row.form == RequestRow::Form::photo && can_be_photo(row) ? RequestRow::Form::document : RequestRow::Form::text;
    return save(row);
  }
  if (step == Step::status_new && row.thread) {
    row.thread.reset();  // a topic that was deleted
    return save(row);
  }
  if (step == Step::status_edit) {
    live.shown_at = now() + std::chrono::minutes(1);
    return;
  }
  log::error("this cannot be shown", {{"id", row.id}, {"error", failure.text}});
  if (!row.ended_somehow()) cancel(live);
  row.answered = true;
  settle(live);
}

void Bot::Core::settle(Live& live) {
  // One that was cancelled because its chat is closed is still with a worker: its end is waited for.
  if (!live.row.ended_somehow()) return;
  live.row.settled = true;
  save(live.row);
  live_.erase(std::string(live.row.id));
}

void Bot::Core::begin(LiveReply& live) {
  live.busy = true;
  after([this, reply = live.reply] {
    calls_->run([this, reply] {
      const auto result = api_.send_message({reply.chat, reply.thread, reply.reply_to}, reply.text, {});
      count_call("reply", result);
      post([this, number = reply.number, result] { finish_reply(number, result); });
    });
  });
}

void Bot::Core::finish_reply(std::int64_t number, const telegram::Result<std::int64_t>& result) {
  const auto found = replies_.find(number);
  if (found == replies_.end()) return;
  LiveReply& live = found->second;
  live.busy = false;
  if (!result) {
    const Failure& failure = result.error();
    log::warn("a reply was not sent", {{"error", failure.text}});
    if (failure.kind == Failure::Kind::flood) return pace_.flooded(live.reply.chat, failure.retry_after, now());
    if (failure.kind == Failure::Kind::migrated) return move_chat(live.reply.chat, failure.migrate_to);
    if (failure.kind == Failure::Kind::unreachable || failure.kind == Failure::Kind::unauthorized)
      return retry(live.backoff, live.retry_at);
  }
  write([this, number] { state_.remove_reply(number); });
  replies_.erase(found);
}

void Bot::Core::move_chat(std::int64_t from, std::int64_t to) {
  log::info("a group became a supergroup", {{"from", from}, {"to", to}});
  write([this, from, to] { state_.move_chat(from, to); });
  for (auto& [id, live] : live_) {
    if (live.row.chat != from) continue;
    live.row.chat = to;
    // Messages of the old chat cannot be edited from the new one.
    if (!live.row.answered) live.row.message = 0;
    save(live.row);
    look_at(id);
  }
  for (auto& [number, live] : replies_) {
    if (live.reply.chat == from) live.reply.chat = to;
  }
}

void Bot::Core::count_call(const char* step, const telegram::Result<std::int64_t>& result) {
  constexpr std::array<const char*, 11> kNames{"unreachable", "flood",        "not_modified", "message_gone", "forbidden",  "chat_gone",
                                               "migrated",    "unauthorized", "conflict",     "too_late",     "bad_request"};
  const char* const outcome = result ? "ok" : kNames.at(static_cast<std::size_t>(result.error().kind));
  metrics_.counter("prompt2pic_telegram_calls_total", "Calls to Telegram.", {{"step", step}, {"result", outcome}}).add();
  if (!result && result.error().kind == Failure::Kind::flood)
    metrics_.counter("prompt2pic_telegram_flood_total", "Calls that Telegram refused for their number.").add();
}

}  // namespace p2p::bot
