#include "services/routing/fair_queue.hpp"

#include <algorithm>

namespace p2p::routing {
namespace {

constexpr std::size_t kForgetAt = 1000;  // users

}  // namespace

void FairQueue::add(Waiting request) {
  if (next_tag_.size() > forget_at_) {
    std::erase_if(next_tag_, [&](const auto& item) { return item.second <= virtual_time_; });
    forget_at_ = 2 * next_tag_.size() + kForgetAt;
  }
  double& next = next_tag_[request.user];
  const Rank rank{std::max(virtual_time_, next), ++arrivals_};
  next = rank.tag + 1;
  insert({std::move(request), rank});
}

void FairQueue::put_back(Entry entry) { insert(std::move(entry)); }

void FairQueue::insert(Entry entry) {
  OfModel& model = by_model_[entry.request.model];
  auto& mine = model.by_user[entry.request.user];
  if (!mine.empty()) model.heads.erase(mine.begin()->first);
  mine.emplace(entry.rank, entry.request.id);
  model.heads.emplace(mine.begin()->first, entry.request.user);
  ++count_[entry.request.user];
  const std::string id = entry.request.id;
  entries_.insert_or_assign(id, std::move(entry));
}

std::optional<FairQueue::Entry> FairQueue::take(const std::string& id, bool served) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  Entry entry = std::move(found->second);
  entries_.erase(found);
  if (served) {
    virtual_time_ = std::max(virtual_time_, entry.rank.tag);
    if (count_.size() > 1) virtual_time_ += 1.0 / static_cast<double>(count_.size());
  }

  const auto model = by_model_.find(entry.request.model);
  const auto mine = model->second.by_user.find(entry.request.user);
  model->second.heads.erase(mine->second.begin()->first);
  mine->second.erase(entry.rank);
  if (mine->second.empty()) {
    model->second.by_user.erase(mine);
    if (model->second.by_user.empty()) by_model_.erase(model);
  } else {
    model->second.heads.emplace(mine->second.begin()->first, entry.request.user);
  }
  if (--count_[entry.request.user] == 0) count_.erase(entry.request.user);
  if (entries_.empty() && next_tag_.size() > kForgetAt) next_tag_.clear();  // nobody waits whom it could be unfair to
  return entry;
}

const FairQueue::Entry* FairQueue::first(const std::function<bool(const std::string& model)>& model_passes,
                                         const std::function<bool(const std::string& user)>& user_passes) const {
  const Entry* best = nullptr;
  for (const auto& [name, model] : by_model_) {
    if (!model_passes(name)) continue;
    const auto head = std::ranges::find_if(model.heads, [&](const auto& item) { return user_passes(item.second); });
    if (head == model.heads.end() || (best && best->rank < head->first)) continue;
    best = &entries_.at(model.by_user.at(head->second).begin()->second);
  }
  return best;
}

std::vector<std::string> FairQueue::models() const {
  std::vector<std::string> names;
  for (const auto& [name, model] : by_model_) names.push_back(name);
  return names;
}

int FairQueue::count_of(const std::string& user) const {
  const auto found = count_.find(user);
  return found == count_.end() ? 0 : found->second;
}

std::map<Rank, std::string> FairQueue::order(const std::string& model) const {
  std::map<Rank, std::string> ids;
  const auto found = by_model_.find(model);
  if (found == by_model_.end()) return ids;
  for (const auto& [user, mine] : found->second.by_user) ids.insert(mine.begin(), mine.end());
  return ids;
}

}  // namespace p2p::routing
