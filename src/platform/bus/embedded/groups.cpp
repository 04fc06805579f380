#include "platform/bus/embedded/groups.hpp"

#include <algorithm>
#include <set>

#include "base/random_id.hpp"

namespace p2p::bus::embedded {

std::string Groups::join(const std::string& group, const std::string& name, const std::vector<std::string>& topics) {
  const std::scoped_lock lock(mutex_);
  Group& state = groups_[group];
  std::string member = name + "-" + new_id();
  state.names[member] = name;
  state.topics[member] = topics;
  balance(state);
  return member;
}

void Groups::leave(const std::string& group, const std::string& member) {
  const std::scoped_lock lock(mutex_);
  Group& state = groups_[group];
  state.names.erase(member);
  state.topics.erase(member);
  std::erase_if(state.owners, [&](const auto& item) { return item.second == member; });
  balance(state);
}

std::vector<TopicPartition> Groups::to_release(const std::string& group, const std::string& member) {
  const std::scoped_lock lock(mutex_);
  const Group& state = groups_[group];
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, owner] : state.owners) {
    if (owner == member && state.target.at(partition) != member) partitions.push_back(partition);
  }
  return partitions;
}

void Groups::release(const std::string& group, const std::vector<TopicPartition>& partitions) {
  const std::scoped_lock lock(mutex_);
  Group& state = groups_[group];
  for (const TopicPartition& partition : partitions) state.owners.erase(partition);
  notify(state);
}

std::vector<TopicPartition> Groups::claim(const std::string& group, const std::string& member) {
  const std::scoped_lock lock(mutex_);
  Group& state = groups_[group];
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, owner] : state.target) {
    if (owner == member && state.owners.try_emplace(partition, member).second) partitions.push_back(partition);
  }
  return partitions;
}

void Groups::update() {
  const std::scoped_lock lock(mutex_);
  for (auto& [name, group] : groups_) balance(group);
}

std::optional<std::int64_t> Groups::committed(const std::string& group, std::int64_t partition) {
  const std::scoped_lock lock(mutex_);
  const auto found = committed_.find({group, partition});
  if (found == committed_.end()) return std::nullopt;
  return found->second;
}

void Groups::commit(const std::string& group, std::int64_t partition, std::int64_t next) {
  const std::scoped_lock lock(mutex_);
  committed_[{group, partition}] = next;
}

Bus::Group Groups::describe(const std::string& group) {
  const std::scoped_lock lock(mutex_);
  const auto found = groups_.find(group);
  const bool has_committed = std::ranges::any_of(committed_, [&](const auto& item) { return item.first.first == group; });
  if (found == groups_.end()) return {.exists = has_committed, .stable = has_committed, .members = {}};
  const Group& state = found->second;
  Bus::Group result{.exists = true, .stable = state.owners == state.target, .members = {}};
  if (!result.stable) return result;
  for (const auto& [id, name] : state.names) {
    Member& member = result.members.emplace_back(id, name, std::vector<TopicPartition>{});
    for (const auto& [partition, owner] : state.owners) {
      if (owner == id) member.partitions.push_back(partition);
    }
  }
  return result;
}

void Groups::balance(Group& group) {
  std::map<std::string, int> partitions;
  catalogue_.with([&](const Topics& topics) {
    for (const auto& [member, names] : group.topics) {
      for (const std::string& name : names) {
        if (const auto topic = topics.find(name); topic != topics.end())
          partitions[name] = static_cast<int>(topic->second.partitions.size());
      }
    }
  });
  group.target = assign(group.topics, partitions, group.target);
  notify(group);
}

void Groups::notify(const Group& group) {
  std::set<std::string> all;
  for (const auto& [member, topics] : group.topics) all.insert(topics.begin(), topics.end());
  for (const std::string& topic : all) signals_.notify(topic);
}

}  // namespace p2p::bus::embedded
