#include "services/routing/fleet.hpp"

#include <algorithm>

namespace p2p::routing {
namespace {

constexpr std::size_t kMostHeld = 64;  // however short requests are

double seconds_between(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }

void blend(std::map<std::string, double>& averages, const std::string& key, double seconds) {
  constexpr double kWeight = 0.2;
  const auto [found, fresh] = averages.try_emplace(key, seconds);
  if (!fresh) found->second += kWeight * (seconds - found->second);
}

}  // namespace

void Fleet::set_workers(const std::vector<Worker>& workers) {
  workers_.clear();
  owners_.clear();
  for (const Worker& worker : workers) {
    workers_[worker.name] = worker;
    for (const auto& [model, partitions] : worker.partitions) {
      for (const int partition : partitions) owners_[model][partition] = worker.name;
    }
  }
  std::erase_if(others_, [&](const auto& item) { return !workers_.contains(item.first); });
  held_.clear();
  for (auto& [id, sent] : sent_) {
    const auto& owners = owners_[sent.entry.request.model];
    const auto owner = owners.find(sent.partition);
    const std::string name = owner == owners.end() ? "" : owner->second;
    if (name != sent.worker) {
      sent.worker = name;
      sent.started.reset();  // by the one who held it before
      sent.fraction = 0;
    }
    if (!sent.drawn()) held_[name].insert(id);
  }
}

void Fleet::hold(const Sent& sent) {
  if (sent.drawn()) return;
  held_[sent.worker].insert(sent.entry.request.id);
}

void Fleet::let_go(const Sent& sent) { held_[sent.worker].erase(sent.entry.request.id); }

void Fleet::add(Sent sent) {
  const auto& owners = owners_[sent.entry.request.model];
  const auto owner = owners.find(sent.partition);
  sent.worker = owner == owners.end() ? "" : owner->second;
  hold(sent);
  ++by_user_[sent.entry.request.user];
  const std::string id = sent.entry.request.id;
  sent_.insert_or_assign(id, std::move(sent));
}

std::optional<Sent> Fleet::take(const std::string& id) {
  const auto found = sent_.find(id);
  if (found == sent_.end()) return std::nullopt;
  Sent sent = std::move(found->second);
  sent_.erase(found);
  let_go(sent);
  if (!sent.drawn() && --by_user_[sent.entry.request.user] <= 0) by_user_.erase(sent.entry.request.user);
  return sent;
}

Sent* Fleet::find(const std::string& id) {
  const auto found = sent_.find(id);
  return found == sent_.end() ? nullptr : &found->second;
}

void Fleet::started(Sent& sent, Time at) {
  sent.started = sent.fraction_at = at;
  sent.fraction = 0;
  others_.erase(sent.worker);  // it draws one at a time
}

void Fleet::others_ended(const std::string& id) {
  std::erase_if(others_, [&](const auto& item) { return item.second == id; });
}

void Fleet::progressed(Sent& sent, double fraction, Time at) {
  if (sent.drawn()) return;
  sent.fraction = std::clamp(fraction, sent.fraction, 1.0);
  sent.fraction_at = at;
  if (!sent.drawn()) return;
  let_go(sent);
  if (--by_user_[sent.entry.request.user] <= 0) by_user_.erase(sent.entry.request.user);
  if (!sent.started) return;
  const double seconds = seconds_between(*sent.started, at);
  blend(seconds_[sent.worker], sent.entry.request.model, seconds);
  blend(model_seconds_, sent.entry.request.model, seconds);
}

bool Fleet::serves(const std::string& model) const {
  return std::ranges::any_of(workers_, [&](const auto& item) { return item.second.partitions.contains(model); });
}

const Worker* Fleet::with_room(const std::string& model, Time now, bool idle) const {
  const Worker* best = nullptr;
  std::pair<bool, double> best_rank;
  for (const auto& [name, worker] : workers_) {
    if (!worker.partitions.contains(model) || others_.contains(name)) continue;
    const auto held = held_.find(name);
    const bool busy = held != held_.end() && !held->second.empty();
    if (busy && idle) continue;
    if (busy && held->second.size() >= kMostHeld) continue;
    const auto work = busy ? work_of(name, now) : 0;
    if (!work || (busy && *work >= std::chrono::duration<double>(ahead_).count())) continue;
    // Idle before busy, then the fastest; one that was never measured is tried first.
    const std::pair rank{busy, *work + seconds_of(name, model).value_or(0)};
    if (!best || rank < best_rank) {
      best = &worker;
      best_rank = rank;
    }
  }
  return best;
}

int Fleet::partition_for(const Worker& worker, const std::string& model) {
  const auto& partitions = worker.partitions.at(model);
  return partitions[turn_[worker.name]++ % partitions.size()];
}

std::optional<Time> Fleet::room_at(const std::string& model, Time now) const {
  std::optional<Time> first;
  for (const auto& [name, worker] : workers_) {
    if (!worker.partitions.contains(model) || others_.contains(name)) continue;
    const auto work = work_of(name, now);
    if (!work) continue;
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(*work)) - ahead_;
    const Time at = now + std::max(wait, std::chrono::milliseconds(1));
    if (!first || at < *first) first = at;
  }
  return first;
}

int Fleet::held_by(const std::string& user) const {
  const auto found = by_user_.find(user);
  return found == by_user_.end() ? 0 : found->second;
}

std::optional<double> Fleet::seconds_of(const std::string& worker, const std::string& model) const {
  const auto found = seconds_.find(worker);
  if (found == seconds_.end() || !found->second.contains(model)) return std::nullopt;
  return found->second.at(model);
}

std::optional<double> Fleet::mean_seconds(const std::string& model) const {
  const auto found = model_seconds_.find(model);
  if (found == model_seconds_.end()) return std::nullopt;
  return found->second;
}

double Fleet::rate(const std::string& model) const {
  double rate = 0;
  const auto mean = mean_seconds(model);
  for (const auto& [name, worker] : workers_) {
    if (!worker.partitions.contains(model) || !mean) continue;
    rate += 1 / std::max(seconds_of(name, model).value_or(*mean), 1e-4);
  }
  return rate;
}

std::optional<std::chrono::milliseconds> Fleet::remaining(const Sent& sent, Time now) const {
  const auto& model = sent.entry.request.model;
  const auto mean = seconds_of(sent.worker, model);
  const auto typical = mean ? mean : mean_seconds(model);
  double seconds = typical.value_or(0);
  if (sent.started && sent.fraction > 0) {
    const double whole = seconds_between(*sent.started, sent.fraction_at) / sent.fraction;
    seconds = whole - seconds_between(*sent.started, now);
  } else if (!typical) {
    return std::nullopt;
  } else if (sent.started) {
    seconds -= seconds_between(*sent.started, now);
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::max(seconds, 0.0) * 1000));
}

std::optional<double> Fleet::work_of(const std::string& worker, Time now) const {
  double work = 0;
  const auto held = held_.find(worker);
  if (held == held_.end()) return 0;
  for (const std::string& id : held->second) {
    const Sent& sent = sent_.at(id);
    const auto& model = sent.entry.request.model;
    if (sent.started && sent.fraction > 0) {
      work += std::chrono::duration<double>(*remaining(sent, now)).count();
      continue;
    }
    // What has not told of progress may take its whole time yet.
    const auto seconds = seconds_of(worker, model);
    if (!seconds) return std::nullopt;
    work += *seconds;
  }
  return work;
}

bool Fleet::is_behind_another(const Sent& sent) const {
  const auto held = held_.find(sent.worker);
  return others_.contains(sent.worker) || (held != held_.end() && held->second.size() > 1);
}

}  // namespace p2p::routing
