#include <algorithm>
#include <array>

#include "services/chat/presenter/steps.hpp"

namespace p2p::chat {
namespace {

constexpr std::chrono::milliseconds kPositionKnownWithin{300};
constexpr std::chrono::seconds kBetweenEdits{2};
constexpr std::chrono::seconds kBetweenEditsInGroups{10};
constexpr std::chrono::seconds kBetweenEstimates{10};
constexpr std::chrono::seconds kRingAfter{30};
constexpr int kMostLost = 2;  // status messages; then only the end is shown

/// The status message has to be sent.
NextStep first_step(const ChatRequest& request, const StatusContext& context, Time now) {
  // Its place in the queue is known a moment after it was accepted.
  const bool is_known = request.outcome.status != Outcome::Status::queued || context.estimate.position > 0 || context.estimate.with_worker;
  if (is_known || now - request.accepted >= kPositionKnownWithin) return {Step::status_new};
  return {Step::none, now + kPositionKnownWithin / 10};
}

/// The picture or the end in words has been shown.
Step step_after_answer(const ChatRequest& request) {
  const Presentation& shown = request.shown;
  if (request.ends_in_words()) return Step::none;
  if (!shown.link_until && shown.form == Presentation::Form::photo && !shown.original_shown) {
    if (shown.original == 0) return Step::original_new;
    return shown.original_refused.empty() ? Step::original_picture : Step::original_text;
  }
  const bool took_long = request.outcome.ended - request.accepted > kRingAfter;
  return !shown.bell_rung && shown.original == 0 && took_long ? Step::bell : Step::none;
}

NextStep progress_step(const ActiveRequest& active, const StatusContext& context, Time now) {
  const ChatRequest& request = active.request;
  if (status_text(request, context) == active.shown) return {};
  // A request that waits shows a new estimate seldom; what it does is shown soon.
  const auto spacing = request.outcome.status == Outcome::Status::queued && !active.shown.empty() ? kBetweenEstimates
                       : request.origin.in_group                                                  ? kBetweenEditsInGroups
                                                                                                  : kBetweenEdits;
  if (now - active.shown_at < spacing) return {Step::none, active.shown_at + spacing};
  return {Step::status_edit};
}

}  // namespace

const char* name_of(Step step) {
  constexpr std::array<const char*, 9> kNames{"none", "status", "progress", "picture", "text", "original", "original", "original", "bell"};
  return kNames.at(static_cast<std::size_t>(step));
}

bool is_picture(Step step) { return step == Step::answer_picture || step == Step::original_picture; }

bool can_be_photo(const ChatRequest& request) {
  const auto [width, height] = std::pair(request.outcome.width, request.outcome.height);
  const int shorter = std::max(1, std::min(width, height));
  return request.outcome.bytes <= 10'000'000 && width + height <= 10'000 && std::max(width, height) / shorter < 20;
}

bool waits_for_store(const ActiveRequest& active, bool reads_hang, Time now) {
  if (!active.drawn || now - *active.drawn <= kStoreSlow) return false;
  return active.request.outcome.status != Outcome::Status::finished  // its worker is storing it
         || active.store_failed || reads_hang;
}

NextStep next_step(const ActiveRequest& active, const StatusContext& context, Time now) {
  const ChatRequest& request = active.request;
  const Presentation& shown = request.shown;
  if (shown.message == 0) return shown.answered ? NextStep() : first_step(request, context, now);
  if (shown.answered) return {step_after_answer(request)};
  const bool may_edit = shown.messages_lost < kMostLost;
  const bool say_that_store_is_slow =
      may_edit && !request.ends_in_words() && context.store_slow && active.shown != say(request.origin.language, Text::storing_slow);
  if (request.outcome.is_over() && !say_that_store_is_slow) return {request.ends_in_words() ? Step::answer_text : Step::answer_picture};
  return may_edit ? progress_step(active, context, now) : NextStep();
}

SentStep compose(Step step, const ChatRequest& request, const StatusContext& context, const std::optional<std::string>& link) {
  const Language language = request.origin.language;
  SentStep sent{.step = step, .id = request.id, .answers = request.ends_in_words()};
  switch (step) {
    case Step::none:
    case Step::original_picture:
      break;
    case Step::status_new:
    case Step::status_edit:
    case Step::answer_text:
      sent.text = sent.answers ? ending_text(request, link) : status_text(request, context);
      sent.keyboard = sent.answers ? answer_keyboard(request, link) : status_keyboard(request);
      break;
    case Step::answer_picture:
      sent.keyboard = answer_keyboard(request, link);
      break;
    case Step::original_new:
      sent.text = say(language, Text::original);
      break;
    case Step::original_text:
      sent.text = original_text(request);
      break;
    case Step::bell:
      sent.text = say(language, Text::ready);
      break;
  }
  return sent;
}

}  // namespace p2p::chat
