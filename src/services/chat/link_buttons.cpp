#include "services/chat/link_buttons.hpp"

#include <vector>

#include "services/chat/presenter/view.hpp"

namespace p2p::chat {

void LinkButtons::expire() {
  constexpr std::size_t kMostWaiting = 100;
  constexpr int kAtOnce = 5;
  if (edits_.size() >= kMostWaiting) return;
  std::vector<ChatRequest> expired;
  const int most = static_cast<int>(edits_.size()) + kAtOnce;
  if (!work_.try_read([&](ChatStore& store) { expired = store.with_expired_links(loop_.now(), most); })) return;
  for (ChatRequest& request : expired) {
    const std::int64_t message = request.shown.message;
    const std::string id = request.id;
    edits_.try_emplace(id, Edit{.request = std::move(request), .message = message});
  }
}

void LinkButtons::renew(const ChatRequest& request, std::int64_t message) {
  Edit& edit = edits_[request.id];
  edit.request = request;
  edit.message = message;
  edit.renew = true;
}

void LinkButtons::deliver() {
  for (auto& [id, edit] : edits_) {
    if (edit.attempt.busy) continue;
    const Origin& origin = edit.request.origin;
    const RateLimiter::Call call = edit.renew ? RateLimiter::Call::answer : RateLimiter::Call::progress;
    if (const auto until = calls_.wait_for(edit.attempt, origin.chat, origin.in_group, call))
      loop_.wake_at(*until);
    else
      begin(edit);
  }
}

void LinkButtons::begin(Edit& edit) {
  edit.attempt.busy = true;
  const auto link = edit.renew ? delivery_.link_of(edit.request) : std::nullopt;
  const auto url = link ? std::optional(link->first) : std::nullopt;
  const auto until = link ? std::optional(link->second) : std::nullopt;
  calls_.run(
      Calls::Pool::text, url ? "link" : "expiry",
      [chat = edit.request.origin.chat, message = edit.message, keyboard = answer_keyboard(edit.request, url, !url)](telegram::Api& api) {
        return as_id(api.edit_message_reply_markup(chat, message, keyboard));
      },
      [this, id = edit.request.id, until](const Calls::Result& result) { finish(id, until, result); });
}

void LinkButtons::finish(const std::string& id, std::optional<Time> link_until, const Calls::Result& result) {
  using Kind = telegram::Failure::Kind;
  const auto found = edits_.find(id);
  if (found == edits_.end()) return;
  Edit& edit = found->second;
  edit.attempt.busy = false;
  if (!result) {
    const telegram::Failure& failure = result.error();
    if (failure.kind == Kind::flood) return calls_.flooded(edit.request.origin.chat, failure.retry_after);
    if (failure.kind == Kind::unreachable || failure.kind == Kind::unauthorized) return edit.attempt.retry(loop_.now());
  }
  const bool renewed = link_until.has_value();
  // A message that is gone needs no link any more.
  if (result || !renewed) keep(edit.request, link_until);
  if (edit.renew == renewed) edits_.erase(found);  // else the button was pressed meanwhile
}

void LinkButtons::keep(ChatRequest request, std::optional<Time> link_until) {
  if (ActiveRequest* const active = requests_.find(request.id)) {
    active->request.shown.link_until = link_until;
    return work_.save(active->request);
  }
  request.shown.link_until = link_until;
  work_.save(request);
}

}  // namespace p2p::chat
