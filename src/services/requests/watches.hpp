#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace p2p::requests {

/// Who is notified of changes of which request. Thread-safe; notifications are called with its lock held.
class Watches {
 public:
  using Wake = std::function<void()>;

  /// Watches until the result is destroyed, which the Watches must outlive.
  std::shared_ptr<void> add(const std::string& id, Wake wake) {
    const std::scoped_lock lock(mutex_);
    return {nullptr, [this, watch = watches_.emplace(id, std::move(wake))](void*) {
              const std::scoped_lock end(mutex_);
              watches_.erase(watch);
            }};
  }

  void notify(const std::string& id) const {
    const std::scoped_lock lock(mutex_);
    const auto [from, to] = watches_.equal_range(id);
    for (auto each = from; each != to; ++each) each->second();
  }

  void notify_all() const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, wake] : watches_) wake();
  }

 private:
  mutable std::mutex mutex_;
  std::multimap<std::string, Wake> watches_;
};

}  // namespace p2p::requests
