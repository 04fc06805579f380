#include "services/dispatch/fair_queue.hpp"

#include <algorithm>

namespace p2p::dispatch {
namespace {

constexpr std::size_t kForgetAt = 1000;  // owners

}  // namespace

void FairQueue::add(QueuedRequest request) {
  if (next_tag_.size() > forget_at_) {
    std::erase_if(next_tag_, [&](const auto& item) { return item.second <= virtual_time_; });
    forget_at_ = 2 * next_tag_.size() + kForgetAt;
  }
  double& next = next_tag_[request.owner];
  const Rank rank{std::max(virtual_time_, next), ++arrivals_};
  next = rank.tag + request.cost;
  insert({std::move(request), rank});
}

void FairQueue::put_back(Entry entry) { insert(std::move(entry)); }

void FairQueue::insert(Entry entry) {
  take(entry.request.id, false);
  OfModel& model = by_model_[entry.request.model];
  auto& mine = model.by_owner[entry.request.owner];
  if (!mine.empty()) model.heads.erase(mine.begin()->first);
  mine.emplace(entry.rank, entry.request.id);
  model.heads.emplace(mine.begin()->first, entry.request.owner);
  ++count_[entry.request.owner];
  const std::string id = entry.request.id;
  entries_.insert_or_assign(id, std::move(entry));
}

std::optional<FairQueue::Entry> FairQueue::take(const std::string& id, bool served) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  Entry entry = std::move(found->second);
  entries_.erase(found);
  const auto model = by_model_.find(entry.request.model);
  const auto mine = model->second.by_owner.find(entry.request.owner);
  model->second.heads.erase(mine->second.begin()->first);
  mine->second.erase(entry.rank);
  if (mine->second.empty()) {
    model->second.by_owner.erase(mine);
    if (model->second.by_owner.empty()) by_model_.erase(model);
  } else {
    model->second.heads.emplace(mine->second.begin()->first, entry.request.owner);
  }
  const auto owners = count_.size();
  if (--count_[entry.request.owner] == 0) count_.erase(entry.request.owner);
  if (served) advance_time(entry, owners);
  if (entries_.empty() && next_tag_.size() > kForgetAt) next_tag_.clear();  // nobody is waiting, so this cannot be unfair
  return entry;
}

void FairQueue::advance_time(const Entry& entry, std::size_t owners) {
  virtual_time_ = std::max(virtual_time_, entry.rank.tag);
  if (owners < 2) return;
  double next = virtual_time_ + entry.request.cost / static_cast<double>(owners);
  if (const auto model = by_model_.find(entry.request.model); model != by_model_.end())
    next = std::min(next, model->second.heads.begin()->first.tag + 1);
  virtual_time_ = std::max(virtual_time_, next);
}

void FairQueue::rest() { next_tag_.clear(); }

const FairQueue::Entry* FairQueue::first(const std::function<bool(const std::string& model)>& model_passes,
                                         const std::function<bool(const std::string& owner)>& owner_passes) const {
  const Entry* best = nullptr;
  for (const auto& [name, model] : by_model_) {
    if (!model_passes(name)) continue;
    const auto head = std::ranges::find_if(model.heads, [&](const auto& item) { return owner_passes(item.second); });
    if (head == model.heads.end() || (best && best->rank < head->first)) continue;
    best = &entries_.at(model.by_owner.at(head->second).begin()->second);
  }
  return best;
}

std::vector<std::string> FairQueue::models() const {
  std::vector<std::string> names;
  for (const auto& [name, model] : by_model_) names.push_back(name);
  return names;
}

std::map<Rank, std::string> FairQueue::order(const std::string& model) const {
  std::map<Rank, std::string> ids;
  const auto found = by_model_.find(model);
  if (found == by_model_.end()) return ids;
  for (const auto& [owner, mine] : found->second.by_owner) ids.insert(mine.begin(), mine.end());
  return ids;
}

}  // namespace p2p::dispatch
