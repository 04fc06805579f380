#include "base/log.hpp"
#include "services/bot/core.hpp"

namespace p2p::bot {

void Bot::Core::begin(ActiveReply& live) {
  live.busy = true;
  after([this, reply = live.reply] {
    calls_->run([this, reply] {
      const auto to = reply.reply_to == 0 ? std::nullopt : std::optional(reply.reply_to);
      const auto result = api_.send_message({reply.chat, reply.thread, to}, reply.text, {});
      count_call("reply", result);
      post([this, number = reply.number, result] { finish_reply(number, result); });
    });
  });
}

void Bot::Core::finish_reply(std::int64_t number, const telegram::Result<std::int64_t>& result) {
  using Kind = Failure::Kind;
  constexpr int kTries = 3;
  const auto found = replies_.find(number);
  if (found == replies_.end()) return;
  ActiveReply& live = found->second;
  live.busy = false;
  if (!result) {
    const Failure& failure = result.error();
    log::warn("a reply was not sent", {{"error", failure.text}});
    if (failure.kind == Kind::flood) return rate_limiter_.flooded(live.reply.chat, failure.retry_after, now());
    if (failure.kind == Kind::migrated) return move_chat(live.reply.chat, failure.migrate_to);
    if (failure.kind == Kind::unreachable || failure.kind == Kind::unauthorized) return retry(live.backoff, live.retry_at);
    if (failure.kind != Kind::forbidden && failure.kind != Kind::chat_gone && ++live.refusals < kTries) {
      if (failure.kind == Kind::topic_gone || live.refusals > 1) live.reply.thread.reset();
      if (failure.kind == Kind::reply_gone || live.refusals > 1) live.reply.reply_to = 0;
      return retry(live.backoff, live.retry_at);
    }
  }
  write([this, number] { state_.remove_reply(number); });
  replies_.erase(found);
}

void Bot::Core::move_chat(std::int64_t from, std::int64_t to) {
  log::info("a group became a supergroup", {{"from", from}, {"to", to}});
  write([this, from, to] { state_.move_chat(from, to); });
  for (auto& [id, live] : active_) {
    if (live.row.chat != from) continue;
    live.row.chat = to;
    // Messages of the old chat cannot be edited from the new one.
    if (!live.row.answered) live.row.message = 0;
    save(live.row);
    mark_dirty(id);
  }
  for (auto& [number, live] : replies_) {
    if (live.reply.chat == from) live.reply.chat = to;
  }
}

}  // namespace p2p::bot
