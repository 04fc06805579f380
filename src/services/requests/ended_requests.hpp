#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace p2p::requests {

/// Decides which ended requests to remember: the newest ones, in total and per owner, up to an age. Not thread-safe.
class EndedRequests {
 public:
  struct Limits {
    std::size_t all;
    std::size_t per_owner;
    std::chrono::hours age;
  };
  explicit EndedRequests(const Limits& limits) : limits_(limits) {}

  /// `accepted`: time of acceptance.
  void add(const std::string& owner, std::string id, Time accepted) {
    by_owner_[owner].push_back({std::move(id), accepted});
    ++size_;
  }

  /// Removes and returns the ids to forget now. If there are too many in total, the owner with the most loses its oldest.
  std::vector<std::string> take_surplus(Time now) {
    std::vector<std::string> surplus;
    const auto take = [&](std::deque<Ended>& list) {
      surplus.push_back(std::move(list.front().id));
      list.pop_front();
      --size_;
    };
    for (auto& [owner, list] : by_owner_) {
      while (list.size() > limits_.per_owner || (!list.empty() && now - list.front().accepted > limits_.age)) take(list);
    }
    while (size_ > limits_.all) take(std::ranges::max_element(by_owner_, {}, [](const auto& each) { return each.second.size(); })->second);
    std::erase_if(by_owner_, [](const auto& each) { return each.second.empty(); });
    return surplus;
  }

 private:
  struct Ended {
    std::string id;
    Time accepted;
  };
  Limits limits_;
  std::map<std::string, std::deque<Ended>> by_owner_;
  std::size_t size_ = 0;
};

}  // namespace p2p::requests
