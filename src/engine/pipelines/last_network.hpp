#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "engine/graph/network.hpp"

namespace p2p::engine {

/// A network for the sizes that were asked for last. Safe to use from several threads.
template <typename Sizes>
class LastNetwork {
 public:
  LastNetwork(Precision precision, int threads) : precision_(precision), threads_(threads) {}

  /// Compiles what `build` makes unless the last call was for equal `sizes`.
  std::shared_ptr<const Network> get(const Sizes& sizes, const std::function<Graph()>& build) const {
    const std::lock_guard lock(mutex_);
    if (!network_ || sizes_ != sizes) {
      network_ = nullptr;  // its packed weights make room for the next ones
      network_ = std::make_shared<const Network>(build(), precision_, threads_);
      sizes_ = sizes;
    }
    return network_;
  }

 private:
  Precision precision_;
  int threads_;
  mutable std::mutex mutex_;
  mutable Sizes sizes_{};
  mutable std::shared_ptr<const Network> network_;
};

}  // namespace p2p::engine
