#include "services/chat/intake.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/random_id.hpp"
#include "services/chat/request_of.hpp"
#include "services/requests/publish.hpp"

namespace p2p::chat {
namespace {

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace

Intake::Intake(EventLoop& loop, UnitOfWork& work, Metrics& metrics, const BotConfig& config, const Parts& parts)
    : loop_(loop), work_(work), metrics_(metrics), config_(config), parts_(parts), conversation_(config.rules, *this, random_bits) {}

bool Intake::take(const telegram::Update& update) try {
  const auto count = [&](const char* kind) { metrics_.counter("prompt2pic_updates_total", "Updates by kind.", {{"kind", kind}}).add(); };
  if (is_known(update.update_id)) {
    count("repeated");
    return true;
  }
  count(update.callback_query ? "callback_query" : update.message ? "message" : "other");
  for (const Action& action : conversation_.take(update, loop_.now())) perform(action);
  recent_updates_.insert(update.update_id);
  work_.write([id = update.update_id](ChatStore& store) { store.updates().add(id); });
  return true;
} catch (const Cancelled&) {
  return false;
}

bool Intake::is_known(std::int64_t update_id) {
  constexpr std::size_t kMostRecent = 10'000;  // far more than one transaction holds
  while (recent_updates_.size() > kMostRecent) recent_updates_.erase(recent_updates_.begin());
  if (recent_updates_.contains(update_id)) return true;
  bool known = false;
  work_.read_committed([&](ChatStore& store) { known = store.updates().has(update_id); });
  return known;
}

void Intake::perform(const Action& action) {
  std::visit(
      Overloaded{
          [&](const SendReply& send) { parts_.replies.send(send.reply); },
          [&](const Refuse& refuse) {
            metrics_.counter("prompt2pic_requests_refused_total", "Requests that were not accepted.", {{"reason", refuse.reason}}).add();
            parts_.replies.send(refuse.reply);
          },
          [&](const AnswerQuery& answer) { parts_.calls.answer_query(answer.query_id, answer.text, answer.alert); },
          [&](const Submit& submitted) { submit(submitted); },
          [&](const Cancel& cancelled) {
            if (ActiveRequest* const active = parts_.requests.find(cancelled.id)) cancel(*active);
          },
          [&](const Forget& forget) {
            log::info("a user's requests are forgotten", {{"user", forget.user}});
            work_.write([user = forget.user](ChatStore& store) { store.forget_user(user); });
          },
          [&](const RenewLink& renew) { parts_.links.renew(renew.request, renew.message); },
      },
      action);
}

void Intake::submit(const Submit& submit) {
  const ChatRequest request{.id = new_id(),
                            .origin = submit.origin,
                            .params = submit.params,
                            .accepted = next_accepted(),
                            .traceparent = messages::new_traceparent()};
  const std::string& model = request.params.model;
  log::info("accepted", {{"id", request.id}, {"user", request.origin.user}, {"model", model}});
  log::debug("asked", {{"id", request.id}, {"prompt", request.params.prompt}});
  metrics_.counter("prompt2pic_requests_accepted_total", "Requests that were accepted.", {{"model", model}}).add();
  work_.save(request);
  work_.write([user = request.origin.user, day = submit.day](ChatStore& store) { store.count_day(user, day); });
  publish_accepted(request);
  parts_.requests.add(request);
}

void Intake::publish_accepted(const ChatRequest& request) {
  const messages::Event accepted{.id = request.id,
                                 .time = request.accepted,
                                 .what = messages::Accepted{.request = request_of(request), .client = owner_of(request.origin.user)}};
  parts_.outbox.send(requests::to_outgoing(accepted, request.traceparent));
}

void Intake::publish_cancel(const ChatRequest& request) {
  const messages::Control control{.id = request.id, .time = loop_.now(), .type = messages::Control::Type::cancel};
  parts_.outbox.send(requests::to_outgoing(control, request.traceparent));
}

void Intake::cancel(ActiveRequest& active) {
  ChatRequest& request = active.request;
  if (request.outcome.is_over() || request.outcome.cancelling) return;
  log::info("cancelling", {{"id", request.id}});
  request.outcome.cancelling = true;
  work_.save(request);
  publish_cancel(request);
  parts_.requests.mark_dirty(request.id);
}

Time Intake::next_accepted() {
  constexpr std::chrono::seconds kAtMost{1};  // ahead of the clock, unless that was set back
  const Time at = loop_.now();
  const bool is_close = last_accepted_ >= at && last_accepted_ - at < kAtMost;
  return last_accepted_ = is_close ? last_accepted_ + std::chrono::milliseconds(1) : at;
}

std::optional<ChatRequest> Intake::find(const std::string& id) {
  if (const ActiveRequest* const active = parts_.requests.find(id)) return active->request;
  std::optional<ChatRequest> request;
  work_.read([&](ChatStore& store) { request = store.find(id); });
  return request;
}

std::vector<Lookup::Listed> Intake::requests_of(std::int64_t user) {
  std::vector<Listed> list;
  for (const auto& [id, active] : parts_.requests) {
    if (active.request.origin.user == user && !active.request.outcome.is_over())
      list.push_back({active.request, parts_.delivery.status_context(active)});
  }
  std::ranges::sort(list, {}, [](const Listed& listed) { return listed.request.accepted; });
  return list;
}

int Intake::queue_length() {
  const auto is_active = [](const auto& item) { return !item.second.request.outcome.is_over(); };
  const auto own = std::ranges::count_if(parts_.requests, is_active);
  return std::max(parts_.client.unfinished(), static_cast<int>(own));  // some of the own may be on their way to Kafka
}

int Intake::waiting_of(std::int64_t user) {
  using enum requests::RequestState::Status;
  int waiting = parts_.client.waiting_of(owner_of(user));
  for (const auto& [id, active] : parts_.requests) {
    const ChatRequest& request = active.request;
    if (request.origin.user != user || request.outcome.status != queued) continue;
    const auto known = parts_.client.find(id);
    if (!known && !request.outcome.cancelling) ++waiting;                           // it is on its way
    if (known && known->status == queued && request.outcome.cancelling) --waiting;  // its end is on its way
  }
  return waiting;
}

int Intake::kept_of(std::int64_t user) {
  int count = 0;
  work_.read([&](ChatStore& store) { count = store.count_settled(user); });
  return count;
}

int Intake::day_count(std::int64_t user, const std::string& day) {
  int count = 0;
  work_.read([&](ChatStore& store) { count = store.day_count(user, day); });
  return count;
}

bool Intake::has_link(const ChatRequest& request) { return parts_.delivery.link_of(request).has_value(); }

}  // namespace p2p::chat
