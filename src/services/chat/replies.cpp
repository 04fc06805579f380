#include "services/chat/replies.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace p2p::chat {

void Replies::load(std::vector<Reply> replies) {
  for (Reply& reply : replies) {
    next_number_ = std::max(next_number_, reply.number + 1);
    replies_[reply.number].reply = std::move(reply);
  }
}

void Replies::send(Reply reply) {
  reply.number = next_number_++;
  work_.write([reply](ChatStore& store) { store.replies().add(reply); });
  replies_[reply.number].reply = std::move(reply);
}

void Replies::deliver() {
  for (auto& [number, active] : replies_) {
    if (active.attempt.busy) continue;
    if (const auto until = calls_.wait_for(active.attempt, active.reply.chat, active.reply.in_group, RateLimiter::Call::message))
      loop_.wake_at(*until);
    else
      begin(active);
  }
}

void Replies::move_chat(std::int64_t from, std::int64_t to) {
  for (auto& [number, active] : replies_) {
    if (active.reply.chat == from) active.reply.chat = to;
  }
}

bool Replies::busy() const {
  return std::ranges::any_of(replies_, [](const auto& item) { return item.second.attempt.busy; });
}

void Replies::begin(ActiveReply& active) {
  active.attempt.busy = true;
  work_.after([this, reply = active.reply] {
    calls_.run(
        Calls::Pool::text, "reply",
        [reply](telegram::Api& api) {
          const auto to = reply.reply_to == 0 ? std::nullopt : std::optional(reply.reply_to);
          return api.send_message({reply.chat, reply.thread, to}, reply.text, {});
        },
        [this, number = reply.number](const Calls::Result& result) { finish(number, result); });
  });
}

void Replies::finish(std::int64_t number, const Calls::Result& result) {
  const auto found = replies_.find(number);
  if (found == replies_.end()) return;
  found->second.attempt.busy = false;
  if (!result && repeat(found->second, result.error())) return;
  work_.write([number](ChatStore& store) { store.replies().remove(number); });
  replies_.erase(found);
}

bool Replies::repeat(ActiveReply& active, const telegram::Failure& failure) {
  using Kind = telegram::Failure::Kind;
  constexpr int kTries = 3;
  Reply& reply = active.reply;
  Attempt& attempt = active.attempt;
  log::warn("a reply was not sent", {{"error", failure.text}});
  switch (failure.kind) {
    case Kind::flood:
      calls_.flooded(reply.chat, failure.retry_after);
      return true;
    case Kind::migrated:
      chat_moved_(reply.chat, failure.migrate_to);
      return true;
    case Kind::unreachable:
    case Kind::unauthorized:
      attempt.retry(loop_.now());
      return true;
    case Kind::forbidden:
    case Kind::chat_gone:
      return false;
    default:
      if (++attempt.refusals >= kTries) return false;
      if (failure.kind == Kind::topic_gone || attempt.refusals > 1) reply.thread.reset();
      if (failure.kind == Kind::reply_gone || attempt.refusals > 1) reply.reply_to = 0;
      attempt.retry(loop_.now());
      return true;
  }
}

}  // namespace p2p::chat
