#pragma once

#include <optional>
#include <string>

#include "platform/telegram/api.hpp"
#include "services/chat/presenter/active_request.hpp"
#include "services/chat/presenter/view.hpp"

/// What a chat is shown next of a request, and what the result of that call means. Pure functions of the request's state and the time.
namespace p2p::chat {

/// A call to Telegram about a request.
enum class Step {
  none,
  status_new,        ///< the status message is sent
  status_edit,       ///< and edited
  answer_picture,    ///< it becomes the picture
  answer_text,       ///< or the text how the request ended
  original_new,      ///< the message below it is sent
  original_picture,  ///< and becomes the original as a document
  original_text,     ///< or the text why it cannot be shown
  bell,              ///< a message that notifies of a picture that took long
};

/// The label of metrics and logs.
const char* name_of(Step step);
/// Whether the step uploads the picture.
bool is_picture(Step step);
/// Telegram's limits for photos; what exceeds them is sent as a document.
bool can_be_photo(const ChatRequest& request);

/// After this time the status says that the store is slow. Less than the timeout of a read that hangs, so that the next read begins after
/// it.
inline constexpr std::chrono::seconds kStoreSlow{7};
/// Whether the picture is drawn for some time and not shown because of the store. `reads_hang`: all reads from the store have been under
/// way for long.
bool waits_for_store(const ActiveRequest& active, bool reads_hang, Time now);

struct NextStep {
  Step step = Step::none;
  std::optional<Time> look_again;  ///< without a step: when there may be one though nothing happens until then
};
NextStep next_step(const ActiveRequest& active, const StatusContext& context, Time now);

/// A step whose call is under way.
struct SentStep {
  Step step = Step::none;
  std::string id;
  std::string text;  ///< of a step that sends or edits text
  telegram::Keyboard keyboard;
  bool answers = false;            ///< the text says how the request ended
  std::optional<Time> link_until;  ///< set: the message gets a link, which is valid until then
};
/// `link`: to the picture; unset: there is none.
SentStep compose(Step step, const ChatRequest& request, const StatusContext& context, const std::optional<std::string>& link);

/// What to do after a call besides the changes in the ActiveRequest.
struct FollowUp {
  bool save = false;
  std::optional<std::chrono::seconds> flooded;  ///< Telegram asks to wait so long
  std::optional<std::int64_t> moved_to;         ///< the chat's new id
  bool undeliverable = false;                   ///< the chat accepts no message of the bot
};
/// `message`: the id of a message that was sent.
FollowUp succeeded(const SentStep& sent, std::int64_t message, ActiveRequest& active, Time now);
FollowUp failed(const SentStep& sent, const telegram::Failure& failure, ActiveRequest& active, Time now);

}  // namespace p2p::chat
