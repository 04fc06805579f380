#include "services/routing/router.hpp"

#include <algorithm>
#include <set>

#include "services/routing/fair_queue.hpp"
#include "services/routing/fleet.hpp"

namespace p2p::routing {

class Router::Impl {
 public:
  explicit Impl(Limits limits) : limits_(limits), fleet_(limits.ahead) {}

  void add_dispatched(const Waiting& request, int partition, bool started) {
    Sent sent{.entry = {request, {}}, .partition = partition};
    if (started) sent.started = request.accepted;
    fleet_.add(std::move(sent));
  }

  bool handed_back(const std::string& id) {
    auto sent = fleet_.take(id);
    if (sent) queue_.put_back(std::move(sent->entry));
    return sent.has_value();
  }

  std::vector<Dispatch> next(Time now) {
    std::vector<Dispatch> dispatches;
    look_again_.reset();
    const auto has_room = [&](const std::string& model) { return fleet_.with_room(model, now) != nullptr; };
    const auto below_cap = [&](const std::string& user) { return fleet_.held_by(user) < limits_.user_in_flight; };
    const auto anyone = [](const std::string&) { return true; };
    for (;;) {
      const auto* entry = queue_.first(has_room, below_cap);
      // Nobody else waits whom these workers could serve: a user may have more than the share.
      if (!entry) entry = queue_.first(has_room, anyone);
      if (!entry) break;
      const Worker& worker = *fleet_.with_room(entry->request.model, now);
      const int partition = fleet_.partition_for(worker, entry->request.model);
      dispatches.push_back({entry->request.id, partition});
      fleet_.add({.entry = *queue_.take(entry->request.id, true), .partition = partition});
    }
    foresee(now);
    return dispatches;
  }

  std::vector<std::string> to_release(Time now) {
    constexpr std::chrono::seconds kAskAgain{2};
    std::vector<std::string> ids;
    std::set<std::string> looked_at;
    for (const auto& [id, each] : fleet_.sent()) {
      const std::string& model = each.entry.request.model;
      if (each.started || each.drawn() || each.worker.empty() || !fleet_.is_behind_another(each)) continue;
      if (queue_.has(model) || !fleet_.with_room(model, now, true)) continue;
      if (each.asked_back && now - *each.asked_back < kAskAgain) continue;
      // One for each idle worker would do; one for each model and look is simpler, and soon enough.
      if (!looked_at.insert(model).second) continue;
      ids.push_back(id);
    }
    for (const std::string& id : ids) fleet_.find(id)->asked_back = now;
    return ids;
  }

  Estimate estimate(const std::string& id, Time now) {
    if (const Sent* const sent = fleet_.find(id)) return {0, fleet_.remaining(*sent, now)};
    const auto found = queue_.entries().find(id);
    if (found == queue_.entries().end()) return {};
    const std::string& model = found->second.request.model;
    Estimate estimate{.position = position(model, id, now)};
    const double rate = fleet_.rate(model);
    if (rate > 0) {
      const double seconds = estimate.position / rate + *fleet_.mean_seconds(model);
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
    for (const auto& [id, sent] : fleet_.sent()) ++depths[sent.entry.request.model].in_flight;
    return depths;
  }

  FairQueue& queue() { return queue_; }
  Fleet& fleet() { return fleet_; }
  std::optional<Time> look_again() const { return look_again_; }

 private:
  struct Positions {
    Time made;
    std::map<std::string, int> by_id;
  };

  void foresee(Time now) {
    for (const std::string& model : queue_.models()) {
      const auto at = fleet_.room_at(model, now);
      if (at && (!look_again_ || *at < *look_again_)) look_again_ = at;
    }
  }

  int position(const std::string& model, const std::string& id, Time now) {
    constexpr std::size_t kMany = 500;
    Positions& positions = positions_[model];
    if (queue_.entries().size() < kMany || now - positions.made >= std::chrono::seconds(1)) {
      positions = {now, {}};
      for (const auto& [rank, each] : queue_.order(model)) positions.by_id.emplace(each, static_cast<int>(positions.by_id.size()) + 1);
    }
    const auto found = positions.by_id.find(id);
    return found == positions.by_id.end() ? static_cast<int>(positions.by_id.size()) + 1 : found->second;  // it came since
  }

  Limits limits_;
  FairQueue queue_;
  Fleet fleet_;
  std::map<std::string, Positions> positions_;
  std::optional<Time> look_again_;
};

Router::Router(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Router::~Router() = default;

void Router::set_workers(const std::vector<Worker>& workers) { impl_->fleet().set_workers(workers); }
void Router::add(const Waiting& request) { impl_->queue().add(request); }
void Router::add_dispatched(const Waiting& request, int partition, bool started) { impl_->add_dispatched(request, partition, started); }
bool Router::remove(const std::string& id) { return impl_->queue().take(id, false).has_value(); }

void Router::started(const std::string& id, Time at) {
  if (Sent* const sent = impl_->fleet().find(id)) impl_->fleet().started(*sent, at);
}
void Router::progressed(const std::string& id, double fraction, Time at) {
  if (Sent* const sent = impl_->fleet().find(id)) impl_->fleet().progressed(*sent, fraction, at);
}
void Router::ended(const std::string& id) {
  impl_->fleet().take(id);
  impl_->queue().take(id, false);
}
bool Router::handed_back(const std::string& id) { return impl_->handed_back(id); }

void Router::others_started(const std::string& id, const std::string& worker) { impl_->fleet().others_started(id, worker); }
void Router::others_ended(const std::string& id) { impl_->fleet().others_ended(id); }

std::vector<Dispatch> Router::next(Time now) { return impl_->next(now); }
std::optional<Time> Router::look_again_at() const { return impl_->look_again(); }
std::vector<std::string> Router::to_release(Time now) { return impl_->to_release(now); }
bool Router::is_served(const std::string& model) const { return impl_->fleet().serves(model); }
Estimate Router::estimate(const std::string& id, Time now) const { return impl_->estimate(id, now); }
int Router::waiting_of(const std::string& user) const { return impl_->queue().count_of(user); }
std::map<std::string, Router::Depth> Router::depths() const { return impl_->depths(); }

}  // namespace p2p::routing
