#pragma once

#include <functional>
#include <memory>
#include <mutex>

namespace p2p::engine {

/// Caches the value of the last key. Values given out stay valid. Safe to use from several threads.
template <typename Key, typename Value>
class SingleEntryCache {
 public:
  /// The value of `key`: the cached one if the last call had an equal key, else what `make` returns.
  std::shared_ptr<const Value> get(const Key& key, const std::function<std::shared_ptr<const Value>()>& make) const {
    const std::lock_guard lock(mutex_);
    if (!value_ || key_ != key) {
      value_ = nullptr;  // frees the memory of the old value before the new one needs it
      value_ = make();
      key_ = key;
    }
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  mutable Key key_{};
  mutable std::shared_ptr<const Value> value_;
};

}  // namespace p2p::engine
