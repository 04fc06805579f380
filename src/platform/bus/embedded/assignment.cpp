#include "platform/bus/embedded/assignment.hpp"

#include <algorithm>
#include <utility>

namespace p2p::bus::embedded {

Owners assign(const std::map<std::string, std::vector<std::string>>& members, const std::map<std::string, int>& partitions,
              const Owners& before) {
  Owners owners;
  std::map<std::string, std::size_t> total;  // by member: partitions of all topics
  for (const auto& [topic, count] : partitions) {
    std::map<std::string, std::vector<int>> held;
    for (const auto& [member, topics] : members) {
      if (std::ranges::find(topics, topic) != topics.end()) held[member];
    }
    if (held.empty()) continue;
    const auto load = [&](const auto& item) { return std::pair(item.second.size(), total[item.first]); };
    std::vector<int> free;
    for (int number = 0; number < count; ++number) {
      const auto owner = before.find({topic, number});
      const auto holder = owner == before.end() ? held.end() : held.find(owner->second);
      (holder == held.end() ? free : holder->second).push_back(number);
    }
    for (const int number : free) std::ranges::min_element(held, {}, load)->second.push_back(number);
    for (;;) {
      const auto least = std::ranges::min_element(held, {}, load);
      const auto most = std::ranges::max_element(held, {}, load);
      if (most->second.size() <= least->second.size() + 1) break;
      least->second.push_back(most->second.back());
      most->second.pop_back();
    }
    for (const auto& [member, numbers] : held) {
      total[member] += numbers.size();
      for (const int number : numbers) owners[{topic, number}] = member;
    }
  }
  return owners;
}

}  // namespace p2p::bus::embedded
