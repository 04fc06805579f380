#include "services/requests/submitter.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/random_id.hpp"
#include "platform/blob/signature.hpp"
#include "services/requests/publish.hpp"
#include "services/requests/refused.hpp"

namespace p2p::requests {
namespace {

/// A UUID derived from the key: version 8 (RFC 9562), whose bits are application-defined.
std::string id_of(const std::string& owner, const std::string& repeat_key) {
  std::string hex = blob::to_hex(blob::hmac("prompt2pic repeat key", owner + "\n" + repeat_key)).substr(0, 32);
  hex[12] = '8';
  hex[16] = '8';
  for (const std::size_t at : {20u, 16u, 12u, 8u}) hex.insert(at, "-");
  return hex;
}

}  // namespace

bool Storing::is_done() const {
  const State state = state_;
  if (state == State::refused) throw Refused(Refused::Reason::internal, "the queue refused the request");
  if (state == State::open && std::chrono::steady_clock::now() >= until_.load()) throw Refused::unavailable();
  return state == State::stored;
}

void Submitter::store(const StoringPtr& storing, bus::Outgoing message, const Wake& wake, std::function<void(bool stored)> then) {
  producer_->send(std::move(message), [this, storing, wake, then = std::move(then)](const std::string& problem) {
    if (!problem.empty()) log::error("a message was not delivered", {{"error", problem}});
    {
      const auto lock = known_.lock();
      then(problem.empty());
    }
    storing->end(problem.empty());
    wake();
  });
}

std::optional<Submitter::Submitted> Submitter::known_repeat(const std::string& owner, std::string id, const Repeat& repeat) const {
  constexpr std::chrono::hours kRetries{1};
  const bool by_body = repeat.key.empty();
  if (by_body && !repeat.is_retry) return std::nullopt;
  if (by_body) {
    const auto same = [&](const auto& item) { return item.second.owner == owner && item.second.digest == repeat.digest; };
    const auto coming = std::ranges::find_if(arriving_, same);
    const RequestState* const before = known_.table().with_body(owner, repeat.digest);
    if (coming == arriving_.end() && (!before || now() - before->request.time > kRetries)) return std::nullopt;
    id = coming != arriving_.end() ? coming->first : before->request.id;
  }
  const auto check = [&](const std::string& digest) {
    if (digest != repeat.digest && !digest.empty())
      throw Refused(Refused::Reason::key_reused, "the header Idempotency-Key came before with another body; send a new key");
  };
  if (const auto coming = arriving_.find(id); coming != arriving_.end()) {
    check(coming->second.digest);
    return Submitted{id, coming->second.storing};
  }
  const RequestState* const state = known_.table().find(owner, id);
  if (!state) return std::nullopt;
  check(state->digest);
  Submitted known{id, std::make_shared<Storing>()};
  known.storing->end(true);
  return known;
}

void Submitter::check_limits(const std::string& owner) const {
  using enum Refused::Reason;
  const auto coming = static_cast<int>(std::ranges::count(arriving_, owner, [](const auto& item) { return item.second.owner; }));
  const Table::Usage usage = known_.table().usage_of(owner);
  if (usage.waiting + coming >= config_.user_queue)
    throw Refused(queue_full,
                  "at most " + std::to_string(config_.user_queue) + " requests of one client wait; try again when one is drawn");
  if (known_.table().all_words() >= config_.most_words || usage.words >= config_.most_words_per_owner)
    throw Refused(words_full, "the prompts that wait are too long in all; try again when one is drawn");
  if (config_.user_per_day && known_.table().count_of_day(owner, now()) + coming >= *config_.user_per_day)
    throw Refused(day_full, "at most " + std::to_string(*config_.user_per_day) + " requests of one client a day (UTC)");
}

std::optional<Submitter::Submitted> Submitter::admit(const std::string& owner, const std::string& id, const Repeat& repeat,
                                                     const StoringPtr& storing) {
  const auto lock = known_.lock();
  if (auto before = known_repeat(owner, id, repeat)) return before;
  if (!follower_.caught_up()) throw Refused::unavailable();
  try {
    check_limits(owner);
  } catch (const Refused& error) {
    metrics_.counter("prompt2pic_requests_refused_total", "Requests that were not accepted.", {{"reason", std::string(error.code())}})
        .add();
    throw;
  }
  arriving_[id] = {owner, repeat.digest, storing};
  return std::nullopt;
}

Submitter::Submitted Submitter::submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake,
                                       const Prepare& prepare) {
  request.id = repeat.key.empty() ? new_id() : id_of(owner, repeat.key);
  request.time = now();
  if (request.count > 1) request.picture = 1;  // other requests take turns between two pictures
  const auto storing = std::make_shared<Storing>();
  if (auto before = admit(owner, request.id, repeat, storing)) return *before;
  try {
    if (prepare) prepare(request);
  } catch (...) {
    const auto lock = known_.lock();
    arriving_.erase(request.id);
    storing->give_up();
    throw;
  }
  storing->sent(config_.store_within);
  const messages::Accepted what{.request = request, .client = owner, .digest = repeat.digest};
  const messages::Event event{.id = request.id, .time = request.time, .what = what};
  RequestState state = accepted(what, messages::new_traceparent());
  auto message = to_outgoing(event, state.traceparent);
  store(storing, std::move(message), wake, [this, state = std::move(state)](bool stored) mutable {
    arriving_.erase(state.request.id);
    if (!stored) return;
    log::info("accepted", {{"id", state.request.id}, {"client", state.owner}, {"model", state.request.model}});
    metrics_.counter("prompt2pic_requests_accepted_total", "Requests that were accepted.", {{"model", state.request.model}}).add();
    known_.add(std::move(state));  // usually already known from the topic
  });
  return {request.id, storing};
}

StoringPtr Submitter::cancel(const std::string& owner, const std::string& id, const Wake& wake) {
  std::string traceparent;
  auto storing = std::make_shared<Storing>();
  storing->sent(config_.store_within);
  {
    const auto lock = known_.lock();
    const RequestState* const state = known_.table().find(owner, id);
    if (!state) return nullptr;
    if (state->over()) {
      storing->end(true);
      return storing;
    }
    traceparent = state->traceparent;
  }
  log::info("cancelling", {{"id", id}});
  const messages::Control control{.id = id, .time = now(), .type = messages::Control::Type::cancel};
  store(storing, to_outgoing(control, traceparent), wake, [this, id](bool stored) {
    if (stored) known_.cancel(id);
  });
  return storing;
}

}  // namespace p2p::requests
