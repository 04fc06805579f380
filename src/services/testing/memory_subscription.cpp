#include <algorithm>

#include "base/random_id.hpp"
#include "services/testing/eventually.hpp"
#include "services/testing/memory_bus.hpp"

namespace p2p::testing {

using bus::Record;
using bus::TopicPartition;

class MemorySubscription : public bus::Subscription {
 public:
  MemorySubscription(MemoryBus& bus, std::string group, const std::vector<std::string>& topics, Events events)
      : bus_(bus), group_(std::move(group)), events_(std::move(events)) {
    const std::scoped_lock lock(bus_.mutex_);
    state().members.push_back({this, bus_.member_name_ + "-" + new_id(), bus_.member_name_, topics});
    notify_changed();
  }
  ~MemorySubscription() override {
    const auto mine = owned();
    if (!mine.empty() && events_.revoked) events_.revoked(mine, false);
    const std::scoped_lock lock(bus_.mutex_);
    std::erase_if(state().owners, [&](const auto& item) { return item.second == this; });
    std::erase_if(state().members, [&](const auto& member) { return member.subscription == this; });
    bus_.changed_.notify_all();
    notify_changed();
  }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    rebalance();
    forget_vanished();
    notify_changed();
    std::unique_lock lock(bus_.mutex_);
    std::vector<Record> records;
    bus_.changed_.wait_for(lock, std::min(timeout, MemoryBus::kLongestPoll), [&] {
      take(records);
      return !records.empty();
    });
    return records;
  }

  void done(const TopicPartition& partition, std::int64_t offset) override {
    const std::scoped_lock lock(bus_.mutex_);
    if (bus_.frozen_ || !assignments_.contains(partition)) return;
    done_[partition].insert(offset);
    auto& committed = state().committed[partition];
    while (done_[partition].erase(committed) > 0) ++committed;
    notify_changed();
  }
  void pause(bool paused) override {
    paused_ = paused;
    notify_changed();
  }
  void commit() override {}
  std::string problem() const override { return ""; }

 private:
  struct Assignment {
    std::int64_t next = 0;
    std::int64_t inherited_end = 0;
    int made = 0;
  };

  void forget_vanished() {
    std::vector<TopicPartition> gone;
    {
      const std::scoped_lock lock(bus_.mutex_);
      for (auto& [partition, at] : assignments_) {
        if (at.made == bus_.made_[partition.topic]) continue;
        at = {.next = 0, .inherited_end = 0, .made = bus_.made_[partition.topic]};
        done_.erase(partition);
        gone.push_back(partition);
      }
    }
    if (!gone.empty() && events_.vanished) events_.vanished(gone);
  }

  MemoryBus::GroupState& state() { return bus_.groups_[group_]; }

  std::vector<TopicPartition> owned() {
    const std::scoped_lock lock(bus_.mutex_);
    std::vector<TopicPartition> mine;
    for (const auto& [partition, owner] : state().owners) {
      if (owner == this) mine.push_back(partition);
    }
    return mine;
  }

  /// Releases partitions of other members and takes those without an owner.
  void rebalance() {
    std::vector<TopicPartition> taken;
    std::vector<TopicPartition> given;
    {
      const std::scoped_lock lock(bus_.mutex_);
      const auto& members = state().members;
      const auto self = std::ranges::find(members, this, &MemoryBus::GroupMember::subscription);
      for (const std::string& topic : self->topics) {
        const auto count = bus_.topics_[topic].size();
        for (std::size_t i = 0; i < count; ++i) {
          const TopicPartition partition{topic, static_cast<int>(i)};
          const bool mine = members[i % members.size()].subscription == this;
          const auto owner = state().owners.find(partition);
          if (owner != state().owners.end() && owner->second == this && !mine) taken.push_back(partition);
          if (owner == state().owners.end() && mine) given.push_back(partition);
        }
      }
    }
    if (!taken.empty()) {
      if (events_.revoked) events_.revoked(taken, false);
      const std::scoped_lock lock(bus_.mutex_);
      for (const auto& partition : taken) {
        state().owners.erase(partition);
        assignments_.erase(partition);
        done_.erase(partition);
      }
    }
    if (given.empty()) return;
    {
      const std::scoped_lock lock(bus_.mutex_);
      for (const auto& partition : given) {
        state().owners[partition] = this;
        assignments_[partition] = {state().committed[partition], static_cast<std::int64_t>(bus_.records_of(partition).size()),
                                   bus_.made_[partition.topic]};
      }
    }
    if (events_.assigned) events_.assigned(given);
  }

  void take(std::vector<Record>& records) {
    if (paused_) return;
    for (auto& [partition, at] : assignments_) {
      const auto& all = bus_.records_of(partition);
      for (; at.next < static_cast<std::int64_t>(all.size()) && records.size() < MemoryBus::kBatch; ++at.next) {
        records.push_back(all[static_cast<std::size_t>(at.next)]);
        records.back().inherited = at.next < at.inherited_end;
      }
    }
  }

  MemoryBus& bus_;
  std::string group_;
  Events events_;
  std::map<TopicPartition, Assignment> assignments_;
  std::map<TopicPartition, std::set<std::int64_t>> done_;
  bool paused_ = false;
};

std::unique_ptr<bus::Subscription> MemoryBus::subscribe(const std::string& group, const std::vector<std::string>& topics,
                                                        bus::Subscription::Events events) {
  return std::make_unique<MemorySubscription>(*this, group, topics, std::move(events));
}

}  // namespace p2p::testing
