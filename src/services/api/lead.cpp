#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/bus_error.hpp"
#include "services/api/impl.hpp"

namespace p2p::api {
namespace {

constexpr std::string_view kGroup = "prompt2pic.api";
constexpr std::chrono::milliseconds kPoll{100};

}  // namespace

void Api::Impl::keep_lead(const std::stop_token& stop) {
  const bus::TopicPartition lead{std::string(messages::kControlTopic), 0};
  const auto assigned = [&](const std::vector<bus::TopicPartition>& given) {
    const Lock lock(mutex_);
    if (std::ranges::find(given, lead) != given.end()) owns_lead_ = true;
  };
  const auto revoked = [&](const std::vector<bus::TopicPartition>& taken, bool) {
    Lock lock(mutex_);
    if (std::ranges::find(taken, lead) == taken.end()) return;
    if (leads_) log::info("leads no longer");
    owns_lead_ = leads_ = false;
    lock.unlock();
    producer_->flush(std::chrono::seconds(5));  // what was sent is in the topics before another reads them
  };
  std::unique_ptr<bus::Subscription> membership;
  while (!stop.stop_requested()) {
    try {
      if (!membership) membership = bus_.subscribe(std::string(kGroup), {lead.topic}, {.assigned = assigned, .revoked = revoked});
      for (const bus::Record& record : membership->poll(kPoll)) membership->done(record.place(), record.offset);
      Lock lock(mutex_);
      hear();
      const bool take = owns_lead_ && !leads_ && caught_up_;
      lock.unlock();
      if (take) take_over(*membership, stop);
    } catch (const Error& error) {
      log::warn("the lead cannot be taken; it is tried again", {{"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
}

bool Api::Impl::may_lead() const {
  const Steady at = std::chrono::steady_clock::now();
  return leads_ && at - heard_ <= config_.trust_within && at >= trusted_from_;
}

void Api::Impl::hear() {
  const Steady at = std::chrono::steady_clock::now();
  // A process that was suspended may no longer lead, and is not told before it has spoken with the brokers again.
  if (leads_ && at - heard_ > config_.trust_within) trusted_from_ = at + config_.trust_within / 2;
  heard_ = at;
}

void Api::Impl::take_over(bus::Subscription& membership, const std::stop_token& stop) {
  if (!catch_up(membership, stop)) return;
  std::map<std::string, Time> models;
  {
    const Lock lock(mutex_);
    for (const auto& [id, entry] : entries_) {
      if (entry.status != Status::queued) continue;
      Time& oldest = models.try_emplace(entry.request.model, entry.request.time).first->second;
      oldest = std::min(oldest, entry.request.time);
    }
  }
  const auto sent = sent_since(models);
  const Lock lock(mutex_);
  if (!owns_lead_) return;
  for (const auto& [id, to] : sent) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.status != Status::queued || to.dispatch < found->second.request.dispatch) continue;
    const Entry& entry = found->second;
    if (router_.remove(id)) router_.add_dispatched({id, entry.client, entry.request.model, entry.request.time}, to.partition, false);
  }
  leads_ = true;
  log::info("leads", {{"entries", entries_.size()}, {"sent", sent.size()}});
  changed_.notify_all();
}

bool Api::Impl::catch_up(bus::Subscription& membership, const std::stop_token& stop) {
  const auto ends = bus_.read_log(std::string(messages::kEventsTopic), {})->positions();
  const auto reached = [&] {
    return std::ranges::all_of(ends, [&](const auto& end) {
      const auto at = followed_.find(end.first);
      return at != followed_.end() && at->second >= end.second;
    });
  };
  while (!stop.stop_requested()) {
    for (const bus::Record& record : membership.poll(kPoll)) membership.done(record.place(), record.offset);
    const Lock lock(mutex_);
    hear();
    if (!owns_lead_) return false;
    if (reached()) return true;
  }
  return false;
}

std::map<std::string, Api::Impl::SentTo> Api::Impl::sent_since(const std::map<std::string, Time>& models) {
  std::map<std::string, SentTo> sent;
  for (const auto& [model, oldest] : models) {
    const std::string topic = messages::requests_topic(model);
    if (!bus_.backlog(std::string(messages::kWorkersGroup), topic).topic_exists) continue;
    const auto reader = bus_.read_log(topic, {.offsets = {}, .since = oldest - std::chrono::minutes(1)});
    while (!reader->caught_up()) {
      for (const bus::Record& record : reader->poll(kPoll)) {
        const auto request = messages::decode_request(record.value);
        if (request && request->dispatch >= sent[request->id].dispatch) sent[request->id] = {request->dispatch, record.partition};
      }
    }
  }
  return sent;
}

void Api::Impl::route(Time at) {
  for (const routing::Dispatch& dispatch : router_.next(at)) {
    const Entry& entry = entries_.at(dispatch.id);
    producer_->send({.topic = messages::requests_topic(entry.request.model),
                     .partition = dispatch.partition,
                     .key = dispatch.id,
                     .value = messages::encode(entry.request),
                     .headers = {{"traceparent", messages::child_of(entry.traceparent)}, {"type", "request"}}},
                    [this, id = dispatch.id](const std::string& problem) {
                      if (problem.empty()) return;
                      log::error("a request was not delivered", {{"id", id}, {"error", problem}});
                      const Lock lock(mutex_);
                      if (const auto found = entries_.find(id); found != entries_.end() && !found->second.over())
                        end(found->second, messages::EventType::failed, messages::reason::kDrawingFailed);
                    });
  }
  for (const std::string& id : router_.to_release(at)) ask(entries_.at(id), messages::Control::Type::release);
}

void Api::Impl::end_waiting(Time at) {
  for (auto& [id, entry] : entries_) {
    const bool too_long = at - entry.request.time > config_.longest_wait;
    if (entry.status != Status::queued || (!entry.cancelling && !too_long) || !router_.remove(id)) continue;
    entry.cancelling ? end(entry, messages::EventType::cancelled, "")
                     : end(entry, messages::EventType::failed, messages::reason::kNoWorker);
  }
}

void Api::Impl::ask(const Entry& entry, messages::Control::Type type) {
  producer_->send(to_message(messages::Control{.id = entry.request.id, .time = now(), .type = type, .dispatch = entry.request.dispatch},
                             entry.traceparent));
}

void Api::Impl::end(Entry& entry, messages::EventType type, std::string_view reason) {
  router_.ended(entry.request.id);
  Event event{.id = entry.request.id, .time = now(), .type = type};
  event.reason = reason;
  producer_->send(to_message(event, entry.traceparent));
}

}  // namespace p2p::api
