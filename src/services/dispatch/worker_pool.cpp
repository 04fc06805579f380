#include "services/dispatch/worker_pool.hpp"

#include <algorithm>

namespace p2p::dispatch {
namespace {

constexpr std::size_t kMostHeld = 64;  // even if requests are very short

double seconds_between(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

void WorkerPool::set_workers(const std::vector<Worker>& workers) {
  workers_.clear();
  for (const Worker& worker : workers) workers_[worker.name] = worker;
  others_.keep_workers(workers_);
  sent_.set_workers(workers_);
}

void WorkerPool::started(SentRequest& sent, const std::string& worker, Time at) {
  sent_.started(sent, worker, at);
  others_.forget_worker(sent.worker);  // a worker draws one request at a time
}

void WorkerPool::progressed(SentRequest& sent, double fraction, Time at) {
  if (!sent_.progressed(sent, fraction, at) || !sent.started) return;
  speeds_.learn(sent.worker, sent.entry.request.model, seconds_between(*sent.started, at) / sent.entry.request.cost);
}

const Worker* WorkerPool::with_room(const std::string& model, Time now, bool idle) const {
  const Worker* best = nullptr;
  std::pair<bool, double> best_rank;
  for (const auto& [name, worker] : workers_) {
    if (!worker.partitions.contains(model) || others_.occupy(name)) continue;
    const auto& held = sent_.held_by(name);
    const bool busy = !held.empty();
    if (busy && idle) continue;
    if (held.size() >= kMostHeld) continue;
    const auto work = busy ? work_of(name, now) : 0;
    if (!work || (busy && *work >= std::chrono::duration<double>(ahead_).count())) continue;
    // Idle before busy, then the fastest; unmeasured workers are tried first.
    const std::pair rank{busy, *work + speeds_.of(name, model).value_or(0)};
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
    if (!worker.partitions.contains(model) || others_.occupy(name)) continue;
    const auto work = work_of(name, now);
    if (!work) continue;
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(*work)) - ahead_;
    const Time at = now + std::max(wait, std::chrono::milliseconds(1));
    if (!first || at < *first) first = at;
  }
  return first;
}

double WorkerPool::rate(const std::string& model) const {
  double rate = 0;
  const auto mean = speeds_.mean(model);
  for (const auto& [name, worker] : workers_) {
    if (!worker.partitions.contains(model) || !mean) continue;
    rate += 1 / std::max(speeds_.of(name, model).value_or(*mean), 1e-4);
  }
  return rate;
}

std::optional<std::chrono::milliseconds> WorkerPool::remaining(const SentRequest& sent, Time now) const {
  const auto& model = sent.entry.request.model;
  const auto mean = speeds_.of(sent.worker, model);
  const auto typical = mean ? mean : speeds_.mean(model);
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
  for (const std::string& id : sent_.held_by(worker)) {
    const SentRequest& sent = sent_.all().at(id);
    const auto& model = sent.entry.request.model;
    if (sent.started && sent.fraction > 0) {
      work += std::chrono::duration<double>(*remaining(sent, now)).count();
      continue;
    }
    // Without progress reports it may still take its whole time.
    const auto seconds = speeds_.of(worker, model);
    if (!seconds) return std::nullopt;
    work += *seconds * sent.entry.request.cost;
  }
  return work;
}

bool WorkerPool::is_behind_another(const SentRequest& sent) const {
  return others_.occupy(sent.worker) || sent_.held_by(sent.worker).size() > 1;
}

}  // namespace p2p::dispatch
