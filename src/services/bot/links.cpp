#include "services/bot/core.hpp"

namespace p2p::bot {

std::pair<std::optional<std::string>, Time> Bot::Core::link_of(const RequestRow& row) const {
  if (row.status != Status::finished || row.link_refused || row.form == RequestRow::Form::plain || row.reason == kGone) return {};
  const Time until = now() + std::min(config_.link_ttl, store_.longest_link());
  return {store_.link(row.image_key, until), until};
}

void Bot::Core::expire_links() {
  constexpr std::size_t kMostWaiting = 100;
  constexpr int kAtOnce = 5;
  if (link_edits_.size() >= kMostWaiting) return;
  std::vector<RequestRow> rows;
  if (!read([&] { rows = state_.with_expired_links(now(), static_cast<int>(link_edits_.size()) + kAtOnce); })) return;
  for (RequestRow& row : rows) {
    const std::int64_t message = row.message;
    const std::string id = row.id;
    link_edits_.try_emplace(id, LinkEdit{.row = std::move(row), .message = message});
  }
}

void Bot::Core::renew_link(const RequestRow& row, std::int64_t message, const std::string& query_id) {
  if (!link_of(row).first) return answer_query(query_id, say(row.language, Text::out_of_date), true);
  answer_query(query_id, "", false);
  LinkEdit& edit = link_edits_[row.id];
  edit.row = row;
  edit.message = message;
  edit.renew = true;
}

void Bot::Core::edit_links(Time at) {
  for (auto& [id, edit] : link_edits_) {
    if (edit.busy) continue;
    const RateLimiter::Call call = edit.renew ? RateLimiter::Call::answer : RateLimiter::Call::progress;
    const auto until = edit.retry_at > at ? edit.retry_at : rate_limiter_.take(edit.row.chat, edit.row.in_group, call, at);
    until ? wake_at(*until) : begin(edit);
  }
}

void Bot::Core::begin(LinkEdit& edit) {
  edit.busy = true;
  RequestRow row = edit.row;
  const auto [link, until] = edit.renew ? link_of(row) : std::pair{std::optional<std::string>(), Time()};
  row.has_link = edit.renew;
  row.link_until = until;
  calls_->run([this, row, message = edit.message, url = link] {
    const auto result = as_id(api_.edit_message_reply_markup(row.chat, message, answer_keyboard(row, url, !url)));
    count_call(url ? "link" : "expiry", result);
    post([this, row, renewed = url.has_value(), result] { finish_link(row, renewed, result); });
  });
}

void Bot::Core::finish_link(const RequestRow& row, bool renewed, const telegram::Result<std::int64_t>& result) {
  using Kind = Failure::Kind;
  const auto found = link_edits_.find(row.id);
  if (found == link_edits_.end()) return;
  LinkEdit& edit = found->second;
  edit.busy = false;
  if (!result) {
    const Failure& failure = result.error();
    if (failure.kind == Kind::flood) return rate_limiter_.flooded(row.chat, failure.retry_after, now());
    if (failure.kind == Kind::unreachable || failure.kind == Kind::unauthorized) return retry(edit.backoff, edit.retry_at);
  }
  // A message that is gone needs no link any more.
  if (result || !renewed) {
    const auto live = active_.find(row.id);
    RequestRow now_known = live == active_.end() ? row : live->second.row;
    now_known.has_link = row.has_link;
    now_known.link_until = row.link_until;
    if (live != active_.end()) live->second.row = now_known;
    save(now_known);
  }
  if (edit.renew == renewed) link_edits_.erase(found);  // else it was pressed meanwhile
}

}  // namespace p2p::bot
