#pragma once

#include <cstddef>
#include <deque>
#include <set>
#include <string>

namespace p2p {

/// The last `capacity` texts that were added. Not thread-safe.
class Recent {
 public:
  explicit Recent(std::size_t capacity) : capacity_(capacity) {}
  void add(const std::string& text) {
    if (!texts_.insert(text).second) return;
    order_.push_back(text);
    if (order_.size() > capacity_) {
      texts_.erase(order_.front());
      order_.pop_front();
    }
  }
  bool has(const std::string& text) const { return texts_.contains(text); }

 private:
  std::size_t capacity_;
  std::set<std::string> texts_;
  std::deque<std::string> order_;
};

}  // namespace p2p
