#include <algorithm>

#include "services/chat/presenter/steps.hpp"

namespace p2p::chat {
namespace {

using telegram::Failure;

constexpr int kRefusals = 2;      // from so many on, a call is not made in the same way
constexpr int kMostRefusals = 6;  // of a new message

/// Telegram's words, without those that it puts before every error.
std::string words_of(const Failure& failure) {
  if (failure.kind == Failure::Kind::no_rights || failure.kind == Failure::Kind::forbidden) return std::string(kNoRights);
  std::string_view text = failure.text;
  for (const std::string_view before : {"Bad Request: ", "Forbidden: "}) {
    if (const auto at = text.find(before); at != text.npos) text.remove_prefix(at + before.size());
  }
  return telegram::cut_to(text, 200);
}

/// The next status is a new message.
FollowUp lose_message(ActiveRequest& active) {
  ++active.request.shown.messages_lost;
  active.request.shown.message = 0;
  active.shown.clear();
  return {.save = true};
}

/// The next plainer form. Never a new message: the picture may be in this one already and the reply to the call lost.
FollowUp picture_refused(ActiveRequest& active, const Failure& failure) {
  using Form = Presentation::Form;
  ChatRequest& request = active.request;
  const bool to_document = request.shown.form == Form::photo && can_be_photo(request) && failure.text != kGone &&
                           failure.kind != Failure::Kind::forbidden && failure.kind != Failure::Kind::chat_gone;
  request.shown.form = to_document ? Form::document : Form::text;
  request.outcome.reason = words_of(failure);
  return {.save = true};
}

/// Once more, then in other ways, at last in a message of its own.
FollowUp text_refused(const SentStep& sent, ActiveRequest& active, Time now) {
  ChatRequest& request = active.request;
  if (sent.step == Step::answer_text && sent.link_until) {
    request.shown.form = Presentation::Form::plain;
    return {.save = true};
  }
  Attempt& attempt = active.attempt;
  ++attempt.refusals;
  attempt.retry(now);
  if (attempt.refusals < kRefusals) return {};
  if (sent.step == Step::status_new) {
    if (attempt.refusals >= kMostRefusals) return {.undeliverable = true};
    request.origin.message = 0;
    if (attempt.refusals > kRefusals) request.origin.thread.reset();
    return {.save = true};
  }
  attempt.refusals = 0;
  if (sent.step == Step::answer_text || request.outcome.status != Outcome::Status::finished) return lose_message(active);
  active.shown = sent.text;  // the picture comes next
  return {};
}

/// What follows the picture: nothing is lost without it.
FollowUp original_refused(const SentStep& sent, Presentation& shown, const Failure& failure) {
  if (sent.step == Step::bell) {
    shown.bell_rung = true;
  } else if (sent.step == Step::original_picture && failure.kind != Failure::Kind::message_gone) {
    shown.original_refused = words_of(failure);
  } else {
    shown.original_shown = true;  // somebody deleted the message
  }
  return {.save = true};
}

/// A refusal by Telegram that no repetition of the same call changes, unless its kind is not known.
FollowUp refused(const SentStep& sent, const Failure& failure, ActiveRequest& active, Time now) {
  using Kind = Failure::Kind;
  ChatRequest& request = active.request;
  const Step step = sent.step;
  if (step == Step::original_new || step == Step::original_picture || step == Step::original_text || step == Step::bell)
    return original_refused(sent, request.shown, failure);
  if (failure.kind == Kind::message_gone) {
    if (step == Step::answer_picture && request.shown.messages_lost > 0) {  // nobody deletes them: the picture is what is refused
      request.shown.form = Presentation::Form::text;
      request.outcome.reason = words_of(failure);
    }
    return lose_message(active);
  }
  if (failure.kind == Kind::bad_link && sent.link_until) {
    request.shown.link_refused = true;
    return {.save = true};
  }
  if (step == Step::answer_picture) return picture_refused(active, failure);
  switch (failure.kind) {
    case Kind::forbidden:
    case Kind::chat_gone:
      return {.undeliverable = true};
    case Kind::has_media:  // the picture was shown, and the reply to that call was lost
      active.shown = sent.text;
      if (step != Step::answer_text) return {};
      request.shown.answered = true;
      request.shown.form = Presentation::Form::photo;
      request.shown.original_shown = true;
      return {.save = true};
    case Kind::reply_gone:
      if (request.origin.message == 0) break;
      request.origin.message = 0;
      return {.save = true};
    case Kind::topic_gone:
      if (!request.origin.thread) break;
      request.origin.thread.reset();
      return step == Step::status_new ? FollowUp{.save = true} : lose_message(active);
    default:
      break;
  }
  return text_refused(sent, active, now);
}

}  // namespace

FollowUp succeeded(const SentStep& sent, std::int64_t message, ActiveRequest& active, Time now) {
  active.attempt.succeeded();
  ChatRequest& request = active.request;
  Presentation& shown = request.shown;
  if (sent.step == Step::status_new || sent.step == Step::status_edit) {
    active.shown = sent.text;
    active.shown_at = now;
  }
  switch (sent.step) {
    case Step::none:
    case Step::status_edit:
      return {};
    case Step::status_new:
      shown.message = message;
      [[fallthrough]];
    case Step::answer_text:
      // A request that ended while its status was sent is answered by an edit all the same.
      shown.answered = sent.answers;
      shown.link_until = sent.link_until;
      break;
    case Step::answer_picture:
      shown.answered = true;
      if (!can_be_photo(request)) shown.form = Presentation::Form::document;
      shown.link_until = sent.link_until;
      break;
    case Step::original_new:
      shown.original = message;
      shown.bell_rung = true;  // a new message notifies by itself
      break;
    case Step::original_picture:
    case Step::original_text:
      shown.original_shown = true;
      break;
    case Step::bell:
      shown.bell_rung = true;
      break;
  }
  return {.save = true};
}

FollowUp failed(const SentStep& sent, const Failure& failure, ActiveRequest& active, Time now) {
  switch (failure.kind) {
    case Failure::Kind::not_modified:
      return {};
    case Failure::Kind::flood:
      active.attempt.retry_at = now + failure.retry_after;
      return {.flooded = failure.retry_after};
    case Failure::Kind::unreachable:
    case Failure::Kind::unauthorized:
    case Failure::Kind::conflict:
    case Failure::Kind::too_late:
      active.attempt.retry(now);
      // Not after the time to say that the store is slow.
      if (active.store_failed && active.drawn && active.shown != say(active.request.origin.language, Text::storing_slow)) {
        const Time slow = *active.drawn + kStoreSlow + std::chrono::milliseconds(1);
        active.attempt.retry_at = std::min(active.attempt.retry_at, std::max(now, slow));
      }
      return {};
    case Failure::Kind::migrated:
      return {.moved_to = failure.migrate_to};
    default:
      return refused(sent, failure, active, now);
  }
}

}  // namespace p2p::chat
