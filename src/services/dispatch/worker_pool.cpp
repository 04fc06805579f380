#include "services/dispatch/worker_pool.hpp"

#include <algorithm>

namespace p2p::dispatch {
namespace {

constexpr std::size_t kMostHeld = 64;  // even if requests are very short
/// For requests of other programs; longer than any step. Their end may have been lost, or their start forged.
constexpr std::chrono::seconds kLongestSilence{60};

double seconds_between(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }

void blend(std::map<std::string, double>& averages, const std::string& key, double seconds) {
  constexpr double kWeight = 0.2;
  const auto [found, fresh] = averages.try_emplace(key, seconds);
  if (!fresh) found->second += kWeight * (seconds - found->second);
}

}  // namespace

void WorkerPool::set_workers(const std::vector<Worker>& workers) {
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
  by_owner_.clear();
  for (auto& [id, sent] : sent_) {
    const std::string name = holder_of(sent);
    if (name != sent.worker) {
      sent.worker = name;
      sent.started.reset();  // the previous worker started it
      sent.fraction = 0;
    }
    hold(sent);
  }
}

std::string WorkerPool::holder_of(const SentRequest& sent) const {
  if (!sent.partition) return workers_.empty() || workers_.contains(sent.worker) ? sent.worker : "";
  const auto model = owners_.find(sent.entry.request.model);
  if (model == owners_.end()) return "";
  const auto owner = model->second.find(*sent.partition);
  return owner == model->second.end() ? "" : owner->second;
}

void WorkerPool::hold(const SentRequest& sent) {
  if (sent.drawn()) return;
  held_[sent.worker].insert(sent.entry.request.id);
  by_owner_[sent.entry.request.owner].insert(sent.entry.request.id);
}

void WorkerPool::release(const SentRequest& sent) {
  held_[sent.worker].erase(sent.entry.request.id);
  const auto mine = by_owner_.find(sent.entry.request.owner);
  if (mine == by_owner_.end()) return;
  mine->second.erase(sent.entry.request.id);
  if (mine->second.empty()) by_owner_.erase(mine);
}

void WorkerPool::add(SentRequest sent) {
  take(sent.entry.request.id);
  sent.worker = holder_of(sent);
  hold(sent);
  const std::string id = sent.entry.request.id;
  sent_.emplace(id, std::move(sent));
}

std::optional<SentRequest> WorkerPool::take(const std::string& id) {
  const auto found = sent_.find(id);
  if (found == sent_.end()) return std::nullopt;
  SentRequest sent = std::move(found->second);
  sent_.erase(found);
  release(sent);
  return sent;
}

SentRequest* WorkerPool::find(const std::string& id) {
  const auto found = sent_.find(id);
  return found == sent_.end() ? nullptr : &found->second;
}

void WorkerPool::started(SentRequest& sent, const std::string& worker, Time at) {
  if (!sent.partition) {  // the partition is unknown, but the worker is known now
    release(sent);
    sent.worker = worker;
  }
  sent.started = sent.fraction_at = at;
  sent.fraction = 0;
  hold(sent);                  // may have been drawn by a worker that has crashed since
  others_.erase(sent.worker);  // a worker draws one request at a time
}

void WorkerPool::others_progressed(const std::string& id, Time at) {
  for (auto& [worker, other] : others_) {
    if (other.id == id) other.last_event = at;
  }
}

void WorkerPool::others_ended(const std::string& id) {
  std::erase_if(others_, [&](const auto& item) { return item.second.id == id; });
}

void WorkerPool::forget_others(Time now) {
  std::erase_if(others_, [&](const auto& item) { return std::chrono::abs(now - item.second.last_event) >= kLongestSilence; });
}

void WorkerPool::progressed(SentRequest& sent, double fraction, Time at) {
  if (sent.drawn()) return;
  sent.fraction = std::clamp(fraction, sent.fraction, 1.0);
  sent.fraction_at = at;
  if (!sent.drawn()) return;
  release(sent);
  if (!sent.started) return;
  const double seconds = seconds_between(*sent.started, at) / sent.entry.request.cost;
  blend(seconds_[sent.worker], sent.entry.request.model, seconds);
  blend(model_seconds_, sent.entry.request.model, seconds);
}

bool WorkerPool::serves(const std::string& model) const {
  return std::ranges::any_of(workers_, [&](const auto& item) { return item.second.partitions.contains(model); });
}

const Worker* WorkerPool::with_room(const std::string& model, Time now, bool idle) const {
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
    // Idle before busy, then the fastest; unmeasured workers are tried first.
    const std::pair rank{busy, *work + seconds_of(name, model).value_or(0)};
    if (!best || rank < best_rank) {
      best = &worker;
      best_rank = rank;
    }
  }
  return best;
}

int WorkerPool::partition_for(const Worker& worker, const std::string& model) {
  const auto& partitions = worker.partitions.at(model);
  return partitions[turn_[worker.name]++ % partitions.size()];
}

std::optional<Time> WorkerPool::room_at(const std::string& model, Time now) const {
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

int WorkerPool::held_by(const std::string& owner) const {
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : static_cast<int>(found->second.size());
}

std::optional<double> WorkerPool::seconds_of(const std::string& worker, const std::string& model) const {
  const auto found = seconds_.find(worker);
  if (found == seconds_.end() || !found->second.contains(model)) return std::nullopt;
  return found->second.at(model);
}

std::optional<double> WorkerPool::mean_seconds(const std::string& model) const {
  const auto found = model_seconds_.find(model);
  if (found == model_seconds_.end()) return std::nullopt;
  return found->second;
}

double WorkerPool::rate(const std::string& model) const {
  double rate = 0;
  const auto mean = mean_seconds(model);
  for (const auto& [name, worker] : workers_) {
    if (!worker.partitions.contains(model) || !mean) continue;
    rate += 1 / std::max(seconds_of(name, model).value_or(*mean), 1e-4);
  }
  return rate;
}

std::optional<std::chrono::milliseconds> WorkerPool::remaining(const SentRequest& sent, Time now) const {
  const auto& model = sent.entry.request.model;
  const auto mean = seconds_of(sent.worker, model);
  const auto typical = mean ? mean : mean_seconds(model);
  double seconds = typical.value_or(0) * sent.entry.request.cost;
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

std::optional<double> WorkerPool::work_of(const std::string& worker, Time now) const {
  double work = 0;
  const auto held = held_.find(worker);
  if (held == held_.end()) return 0;
  for (const std::string& id : held->second) {
    const SentRequest& sent = sent_.at(id);
    const auto& model = sent.entry.request.model;
    if (sent.started && sent.fraction > 0) {
      work += std::chrono::duration<double>(*remaining(sent, now)).count();
      continue;
    }
    // Without progress reports it may still take its whole time.
    const auto seconds = seconds_of(worker, model);
    if (!seconds) return std::nullopt;
    work += *seconds * sent.entry.request.cost;
  }
  return work;
}

bool WorkerPool::is_behind_another(const SentRequest& sent) const {
  const auto held = held_.find(sent.worker);
  return others_.contains(sent.worker) || (held != held_.end() && held->second.size() > 1);
}

}  // namespace p2p::dispatch
