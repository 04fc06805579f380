#include "services/dispatch/dispatcher.hpp"

#include <algorithm>
#include <set>

#include "services/dispatch/fair_queue.hpp"
#include "services/dispatch/worker_pool.hpp"

namespace p2p::dispatch {

class Dispatcher::Impl {
 public:
  explicit Impl(Limits limits) : limits_(limits), pool_(limits.ahead) {}

  void add_dispatched(const QueuedRequest& request, int partition) { pool_.add({.entry = {request, {}}, .partition = partition}); }

  void started(const std::string& id, const std::string& worker, Time at) {
    if (auto entry = queue_.take(id, true)) pool_.add({.entry = std::move(*entry), .worker = worker});
    if (SentRequest* const sent = pool_.find(id)) pool_.started(*sent, worker, at);
  }

  bool handed_back(const std::string& id) {
    auto sent = pool_.take(id);
    if (sent) queue_.put_back(std::move(sent->entry));
    return sent.has_value();
  }

  std::vector<Assignment> next(Time now) {
    std::vector<Assignment> assignments;
    next_check_.reset();
    pool_.forget_others(now);
    if (queue_.entries().empty() && pool_.idles()) queue_.rest();
    const auto has_room = [&](const std::string& model) { return pool_.with_room(model, now) != nullptr; };
    const auto below_cap = [&](const std::string& owner) { return pool_.held_by(owner) < limits_.user_in_flight; };
    const auto anyone = [](const std::string&) { return true; };
    for (;;) {
      const auto* entry = queue_.first(has_room, below_cap);
      // These workers could serve nobody else, so an owner may exceed the limit.
      if (!entry) entry = queue_.first(has_room, anyone);
      if (!entry) break;
      const Worker& worker = *pool_.with_room(entry->request.model, now);
      const int partition = pool_.partition_for(worker, entry->request.model);
      assignments.push_back({entry->request.id, partition});
      pool_.add({.entry = *queue_.take(entry->request.id, true), .partition = partition});
    }
    predict(now);
    return assignments;
  }

  std::vector<std::string> to_release(Time now) {
    constexpr std::chrono::seconds kRecallAgain{2};
    std::vector<std::string> ids;
    std::set<std::string> done_models;
    pool_.forget_others(now);
    for (const auto& [id, each] : pool_.sent()) {
      const std::string& model = each.entry.request.model;
      if (each.started || each.drawn() || each.worker.empty() || !pool_.is_behind_another(each)) continue;
      if (queue_.has(model) || !pool_.with_room(model, now, true)) continue;
      if (each.recalled && now - *each.recalled < kRecallAgain) continue;
      // One per model and call is simpler than one per idle worker, and fast enough.
      if (!done_models.insert(model).second) continue;
      ids.push_back(id);
    }
    for (const std::string& id : ids) pool_.find(id)->recalled = now;
    return ids;
  }

  std::vector<Assignment> sent(const std::string& model) const {
    std::vector<Assignment> list;
    for (const auto& [id, each] : pool_.sent()) {
      if (each.entry.request.model == model) list.push_back({id, each.partition.value_or(0)});
    }
    return list;
  }

  Estimate estimate(const std::string& id, Time now) {
    if (const SentRequest* const sent = pool_.find(id)) return {.with_worker = true, .until_done = pool_.remaining(*sent, now)};
    const auto found = queue_.entries().find(id);
    if (found == queue_.entries().end()) return {};
    const std::string& model = found->second.request.model;
    Estimate estimate{.position = position(model, id, now)};
    const double rate = pool_.rate(model);
    if (rate > 0) {
      const double seconds = work_before(model, estimate.position) / rate + found->second.request.cost * *pool_.mean_seconds(model);
      estimate.until_done = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    }
    return estimate;
  }

  std::map<std::string, Depth> depths() const {
    std::map<std::string, Depth> depths;
    for (const auto& [id, entry] : queue_.entries()) {
      Depth& depth = depths[entry.request.model];
      ++depth.waiting;
      if (!depth.oldest || entry.request.accepted < *depth.oldest) depth.oldest = entry.request.accepted;
    }
    for (const auto& [id, sent] : pool_.sent()) ++depths[sent.entry.request.model].in_flight;
    return depths;
  }

  FairQueue& queue() { return queue_; }
  WorkerPool& pool() { return pool_; }
  std::optional<Time> next_check() const { return next_check_; }

 private:
  struct Positions {
    Time made;
    std::map<std::string, int> by_id;
    std::vector<double> before;  ///< by position, from 1: total cost of the requests before it, plus one in progress
  };

  void predict(Time now) {
    for (const std::string& model : queue_.models()) {
      const auto at = pool_.room_at(model, now);
      if (at && (!next_check_ || *at < *next_check_)) next_check_ = at;
    }
  }

  int position(const std::string& model, const std::string& id, Time now) {
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

  double work_before(const std::string& model, int position) const {
    return positions_.at(model).before.at(static_cast<std::size_t>(position));
  }

  Limits limits_;
  FairQueue queue_;
  WorkerPool pool_;
  std::map<std::string, Positions> positions_;
  std::optional<Time> next_check_;
};

Dispatcher::Dispatcher(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Dispatcher::~Dispatcher() = default;

void Dispatcher::set_workers(const std::vector<Worker>& workers) { impl_->pool().set_workers(workers); }
void Dispatcher::add(const QueuedRequest& request) { impl_->queue().add(request); }
void Dispatcher::add_dispatched(const QueuedRequest& request, int partition) { impl_->add_dispatched(request, partition); }
bool Dispatcher::remove(const std::string& id) { return impl_->queue().take(id, false).has_value(); }

void Dispatcher::started(const std::string& id, const std::string& worker, Time at) { impl_->started(id, worker, at); }
void Dispatcher::progressed(const std::string& id, double fraction, Time at) {
  if (SentRequest* const sent = impl_->pool().find(id)) impl_->pool().progressed(*sent, fraction, at);
}
void Dispatcher::ended(const std::string& id) {
  impl_->pool().take(id);
  impl_->queue().take(id, false);
}
bool Dispatcher::handed_back(const std::string& id) { return impl_->handed_back(id); }

void Dispatcher::others_started(const std::string& id, const std::string& worker, Time at) { impl_->pool().others_started(id, worker, at); }
void Dispatcher::others_progressed(const std::string& id, Time at) { impl_->pool().others_progressed(id, at); }
void Dispatcher::others_ended(const std::string& id) { impl_->pool().others_ended(id); }

std::vector<Assignment> Dispatcher::next(Time now) { return impl_->next(now); }
std::optional<Time> Dispatcher::next_check_at() const { return impl_->next_check(); }
std::vector<std::string> Dispatcher::to_release(Time now) { return impl_->to_release(now); }
std::vector<Assignment> Dispatcher::sent(const std::string& model) const { return impl_->sent(model); }
void Dispatcher::for_each_waiting(const std::function<void(const QueuedRequest& request)>& visit) const {
  for (const auto& [id, entry] : impl_->queue().entries()) visit(entry.request);
}
bool Dispatcher::is_served(const std::string& model) const { return impl_->pool().serves(model); }
Estimate Dispatcher::estimate(const std::string& id, Time now) const { return impl_->estimate(id, now); }
int Dispatcher::waiting_of(const std::string& owner) const { return impl_->queue().count_of(owner); }
std::map<std::string, Dispatcher::Depth> Dispatcher::depths() const { return impl_->depths(); }

}  // namespace p2p::dispatch
