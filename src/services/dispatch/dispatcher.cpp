#include "services/dispatch/dispatcher.hpp"

#include <set>

namespace p2p::dispatch {

void Dispatcher::add_dispatched(const QueuedRequest& request, int partition) {
  pool_.sent().add({.entry = {request, {}}, .partition = partition});
}

void Dispatcher::started(const std::string& id, const std::string& worker, Time at) {
  if (auto entry = queue_.take(id, true)) pool_.sent().add({.entry = std::move(*entry), .worker = worker});
  if (SentRequest* const sent = pool_.sent().find(id)) pool_.started(*sent, worker, at);
}

void Dispatcher::progressed(const std::string& id, double fraction, Time at) {
  if (SentRequest* const sent = pool_.sent().find(id)) pool_.progressed(*sent, fraction, at);
}

void Dispatcher::ended(const std::string& id) {
  pool_.sent().take(id);
  queue_.take(id, false);
}

bool Dispatcher::handed_back(const std::string& id) {
  auto sent = pool_.sent().take(id);
  if (sent) queue_.put_back(std::move(sent->entry));
  return sent.has_value();
}

std::vector<Assignment> Dispatcher::next(Time now) {
  std::vector<Assignment> assignments;
  next_check_.reset();
  pool_.others().forget_silent(now);
  if (queue_.entries().empty() && pool_.sent().all_drawn()) queue_.rest();
  const auto has_room = [&](const std::string& model) { return pool_.with_room(model, now) != nullptr; };
  const auto below_cap = [&](const std::string& owner) { return std::ssize(pool_.sent().of_owner(owner)) < limits_.user_in_flight; };
  const auto anyone = [](const std::string&) { return true; };
  for (;;) {
    const auto* entry = queue_.first(has_room, below_cap);
    // These workers could serve nobody else, so an owner may exceed the limit.
    if (!entry) entry = queue_.first(has_room, anyone);
    if (!entry) break;
    const Worker& worker = *pool_.with_room(entry->request.model, now);
    const int partition = pool_.partition_for(worker, entry->request.model);
    assignments.push_back({entry->request.id, partition});
    pool_.sent().add({.entry = *queue_.take(entry->request.id, true), .partition = partition});
  }
  predict(now);
  return assignments;
}

std::vector<std::string> Dispatcher::to_release(Time now) {
  constexpr std::chrono::seconds kRecallAgain{2};
  std::vector<std::string> ids;
  std::set<std::string> done_models;
  pool_.others().forget_silent(now);
  for (const auto& [id, each] : sent()) {
    const std::string& model = each.entry.request.model;
    if (each.started || each.drawn() || each.worker.empty() || !pool_.is_behind_another(each)) continue;
    if (queue_.has(model) || !pool_.with_room(model, now, true)) continue;
    if (each.recalled && now - *each.recalled < kRecallAgain) continue;
    // One per model and call is simpler than one per idle worker, and fast enough.
    if (!done_models.insert(model).second) continue;
    ids.push_back(id);
  }
  for (const std::string& id : ids) pool_.sent().find(id)->recalled = now;
  return ids;
}

Estimate Dispatcher::estimate(const std::string& id, Time now) const {
  if (const auto found = sent().find(id); found != sent().end())
    return {.with_worker = true, .until_done = pool_.remaining(found->second, now)};
  const auto found = queue_.entries().find(id);
  if (found == queue_.entries().end()) return {};
  const std::string& model = found->second.request.model;
  Estimate estimate{.position = position(model, id, now)};
  const double rate = pool_.rate(model);
  if (rate > 0) {
    const double seconds = positions_.at(model).before.at(static_cast<std::size_t>(estimate.position)) / rate +
                           found->second.request.cost * *pool_.speeds().mean(model);
    estimate.until_done = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  }
  return estimate;
}

void Dispatcher::predict(Time now) {
  for (const std::string& model : queue_.models()) {
    const auto at = pool_.room_at(model, now);
    if (at && (!next_check_ || *at < *next_check_)) next_check_ = at;
  }
}

int Dispatcher::position(const std::string& model, const std::string& id, Time now) const {
  constexpr std::size_t kMany = 500;
  Positions& positions = positions_[model];
  if (queue_.entries().size() < kMany || now - positions.made >= std::chrono::seconds(1)) {
    positions = {now, {}, {0, 1}};
    for (const auto& [rank, each] : queue_.order(model)) {
      positions.by_id.emplace(each, static_cast<int>(positions.by_id.size()) + 1);
      positions.before.push_back(positions.before.back() + queue_.entries().at(each).request.cost);
    }
  }
  const auto found = positions.by_id.find(id);
  return found == positions.by_id.end() ? static_cast<int>(positions.by_id.size()) + 1
                                        : found->second;  // added after the positions were computed
}

}  // namespace p2p::dispatch
