#include <algorithm>

#include "base/log.hpp"
#include "services/bot/core.hpp"

namespace p2p::bot {
namespace {

constexpr int kRefusals = 2;      // from so many on, a call is not made in the same way
constexpr int kMostRefusals = 6;  // of a new message

/// Telegram's words without what the program knows by itself.
std::string words_of(const telegram::Failure& failure) {
  if (failure.kind == telegram::Failure::Kind::no_rights || failure.kind == telegram::Failure::Kind::forbidden)
    return std::string(kNoRights);
  std::string_view text = failure.text;
  for (const std::string_view before : {"Bad Request: ", "Forbidden: "}) {
    if (const auto at = text.find(before); at != text.npos) text.remove_prefix(at + before.size());
  }
  return telegram::cut_to(text, 200);
}

}  // namespace

void Bot::Core::finish_step(const Sent& sent) {
  if (is_picture(sent.step)) --pictures_under_way_;
  const auto found = active_.find(sent.id);
  if (found == active_.end()) return;
  ActiveRequest& live = found->second;
  RequestRow& row = live.row;
  live.busy = false;
  if (is_picture(sent.step)) live.store_failed = sent.store_failed;
  mark_dirty(sent.id);
  if (!sent.result) return fail_step(sent, live, sent.result.error());
  live.backoff = {};
  live.refusals = 0;
  switch (sent.step) {
    case Step::none:
      return;
    case Step::status_new:
      row.message = *sent.result;
      [[fallthrough]];
    case Step::answer_text:
      // A request that ended while its status was sent is answered by an edit all the same.
      row.answered = sent.answers;
      row.has_link = sent.answers && sent.with_link;
      row.link_until = sent.link_until;
      break;
    case Step::status_edit:
      break;
    case Step::answer_picture:
      row.answered = true;
      if (!can_be_photo(row)) row.form = RequestRow::Form::document;
      row.has_link = sent.with_link;
      row.link_until = sent.link_until;
      metrics_.seconds("prompt2pic_delivery_seconds", "From acceptance to the picture in the chat.")
          .observe(std::chrono::duration<double>(now() - row.accepted).count());
      log::info("shown", {{"id", row.id}});
      break;
    case Step::original_new:
      row.original = *sent.result;
      row.bell_rung = true;  // a new message rings by itself
      break;
    case Step::original_picture:
    case Step::original_text:
      row.original_shown = true;
      break;
    case Step::bell:
      row.bell_rung = true;
      break;
  }
  if (sent.step == Step::status_new || sent.step == Step::status_edit) {
    live.shown = sent.text;
    live.shown_at = now();
    if (sent.step == Step::status_edit) return;  // nothing to be kept
  }
  save(row);
}

void Bot::Core::fail_step(const Sent& sent, ActiveRequest& live, const Failure& failure) {
  using Kind = Failure::Kind;
  RequestRow& row = live.row;
  const Step step = sent.step;
  log::write(failure.kind == Kind::message_gone ? log::Level::debug : log::Level::warn, "a call to Telegram failed",
             {{"id", row.id}, {"step", name_of(step)}, {"error", failure.text}});
  switch (failure.kind) {
    case Kind::not_modified:
      return;
    case Kind::flood:
      live.retry_at = now() + failure.retry_after;
      return rate_limiter_.flooded(row.chat, failure.retry_after, now());
    case Kind::unreachable:
    case Kind::unauthorized:
    case Kind::conflict:
    case Kind::too_late:
      retry(live.backoff, live.retry_at);
      // Not later than it is to be told that the store holds the picture up.
      if (live.store_failed && live.drawn && live.shown != say(row.language, Text::storing_slow))
        live.retry_at = std::min(live.retry_at, std::max(now(), *live.drawn + kStoreSlow + std::chrono::milliseconds(1)));
      return;
    case Kind::migrated:
      return move_chat(row.chat, failure.migrate_to);
    default:
      break;
  }
  if (step == Step::original_new || step == Step::original_picture || step == Step::original_text || step == Step::bell)
    return refused_original(sent, live, failure);
  if (failure.kind == Kind::message_gone) {
    if (step == Step::answer_picture && row.messages_lost > 0) {  // it is not that somebody deletes them
      row.form = RequestRow::Form::text;
      row.reason = words_of(failure);
    }
    return lose_message(live);
  }
  if (failure.kind == Kind::bad_link && sent.with_link) {
    row.link_refused = true;
    return save(row);
  }
  if (step == Step::answer_picture) return refused_picture(live, failure);
  switch (failure.kind) {
    case Kind::forbidden:
    case Kind::chat_gone:
      return give_up(live);
    case Kind::has_media:  // the picture was shown, though the reply to that call was lost
      live.shown = sent.text;
      if (step != Step::answer_text) return;
      row.answered = true;
      row.form = RequestRow::Form::photo;
      row.original_shown = true;
      return save(row);
    case Kind::reply_gone:
      if (row.asked_in == 0) break;
      row.asked_in = 0;
      return save(row);
    case Kind::topic_gone:
      if (!row.thread) break;
      row.thread.reset();
      return step == Step::status_new ? save(row) : lose_message(live);
    default:
      break;
  }
  refused_words(sent, live);
}

/// The next plainer way. Never a new message: the picture may be in this one already, its reply lost.
void Bot::Core::refused_picture(ActiveRequest& live, const Failure& failure) {
  using Kind = Failure::Kind;
  RequestRow& row = live.row;
  const bool to_document = row.form == RequestRow::Form::photo && can_be_photo(row) && failure.text != kGone &&
                           failure.kind != Kind::forbidden && failure.kind != Kind::chat_gone;
  row.form = to_document ? RequestRow::Form::document : RequestRow::Form::text;
  row.reason = words_of(failure);
  save(row);
}

/// Once more, then in other ways, at last in a message of its own.
void Bot::Core::refused_words(const Sent& sent, ActiveRequest& live) {
  RequestRow& row = live.row;
  if (sent.step == Step::answer_text && sent.with_link) {
    row.form = RequestRow::Form::plain;
    return save(row);
  }
  ++live.refusals;
  retry(live.backoff, live.retry_at);
  if (live.refusals < kRefusals) return;
  if (sent.step == Step::status_new) {
    if (live.refusals >= kMostRefusals) return give_up(live);
    row.asked_in = 0;
    if (live.refusals > kRefusals) row.thread.reset();
    return save(row);
  }
  live.refusals = 0;
  if (sent.step == Step::answer_text || row.status != Status::finished) return lose_message(live);
  live.shown = sent.text;  // the picture comes next
}

/// What comes after the picture: nothing is lost without it.
void Bot::Core::refused_original(const Sent& sent, ActiveRequest& live, const Failure& failure) {
  RequestRow& row = live.row;
  if (sent.step == Step::bell) {
    row.bell_rung = true;
  } else if (sent.step == Step::original_picture && failure.kind != Failure::Kind::message_gone) {
    row.original_refused = words_of(failure);
  } else {
    row.original_shown = true;  // whoever deletes it does not want it
  }
  save(row);
}

void Bot::Core::lose_message(ActiveRequest& live) {
  ++live.row.messages_lost;
  live.row.message = 0;
  live.shown.clear();
  save(live.row);
}

/// The chat takes no message of the bot's.
void Bot::Core::give_up(ActiveRequest& live) {
  metrics_.counter("prompt2pic_undeliverable_total", "Requests whose chat takes no message of the bot's.").add();
  log::warn("this cannot be shown", {{"id", live.row.id}});
  if (!live.row.ended_somehow()) cancel(live);
  live.row.answered = true;
  settle(live);
}

}  // namespace p2p::bot
