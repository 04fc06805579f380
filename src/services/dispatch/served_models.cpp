#include "services/dispatch/served_models.hpp"

#include <utility>

namespace p2p::dispatch {

std::set<std::string> ServedModels::set_workers(const std::vector<Worker>& workers,
                                                const std::function<std::string(const std::string& model)>& log_of) {
  std::set<std::string> recreated;
  const std::scoped_lock lock(mutex_);
  active_.clear();
  for (const Worker& worker : workers) {
    for (const auto& [model, partitions] : worker.partitions) {
      active_.insert(model);
      logs_.try_emplace(model);
    }
  }
  for (auto& [model, log] : logs_) {
    const std::string before = std::exchange(log, log_of(model));
    if (!before.empty() && before != log) recreated.insert(model);
  }
  return recreated;
}

void ServedModels::set_never_served(const std::set<std::string>& models, Time now) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(never_served_, [&](const auto& item) { return !models.contains(item.first); });
  for (const std::string& model : models) never_served_.try_emplace(model, now);
}

std::set<std::string> ServedModels::active() const {
  const std::scoped_lock lock(mutex_);
  return active_;
}

std::optional<bool> ServedModels::is_served(const std::string& model) const {
  const std::scoped_lock lock(mutex_);
  if (active_.contains(model)) return true;
  return logs_.contains(model) ? std::optional(false) : std::nullopt;
}

std::optional<Time> ServedModels::never_served_since(const std::string& model) const {
  const std::scoped_lock lock(mutex_);
  const auto found = never_served_.find(model);
  return found == never_served_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace p2p::dispatch
