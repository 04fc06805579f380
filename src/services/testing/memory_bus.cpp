#include "services/testing/memory_bus.hpp"

#include <algorithm>
#include <deque>
#include <thread>
#include <tuple>

namespace p2p::testing {

using bus::Record;
using bus::TopicPartition;

class MemoryProducer : public bus::Producer {
 public:
  explicit MemoryProducer(MemoryBus& bus) : bus_(bus) {}
  void send(bus::Outgoing message, Delivered delivered) override {
    if (!bus_.store(message) || !delivered) return;
    const std::scoped_lock lock(mutex_);
    delivered_.push_back(std::move(delivered));
    changed_.notify_all();
  }
  bool flush(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return delivered_.empty() && !telling_; });
  }

 private:
  void tell(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return !delivered_.empty(); })) {
      const Delivered delivered = std::move(delivered_.front());
      delivered_.pop_front();
      telling_ = true;
      lock.unlock();
      delivered("");
      lock.lock();
      telling_ = false;
      changed_.notify_all();
    }
  }

  MemoryBus& bus_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Delivered> delivered_;
  bool telling_ = false;
  std::jthread teller_{[this](const std::stop_token& stop) { tell(stop); }};
};

class MemorySubscription : public bus::Subscription {
 public:
  MemorySubscription(MemoryBus& bus, std::string group, const std::vector<std::string>& topics, Events events)
      : bus_(bus), group_(std::move(group)), events_(std::move(events)) {
    const std::scoped_lock lock(bus_.mutex_);
    state().members[this] = {bus_.member_name_, topics};
  }
  ~MemorySubscription() override {
    const auto mine = owned();
    if (!mine.empty() && events_.revoked) events_.revoked(mine, false);
    const std::scoped_lock lock(bus_.mutex_);
    std::erase_if(state().owners, [&](const auto& item) { return item.second == this; });
    state().members.erase(this);
    bus_.changed_.notify_all();
  }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    rebalance();
    std::unique_lock lock(bus_.mutex_);
    std::vector<Record> records;
    bus_.changed_.wait_for(lock, timeout, [&] {
      take(records);
      return !records.empty();
    });
    return records;
  }

  void done(const TopicPartition& place, std::int64_t offset) override {
    const std::scoped_lock lock(bus_.mutex_);
    if (bus_.frozen_ || !places_.contains(place)) return;
    done_[place].insert(offset);
    auto& committed = state().committed[place];
    while (done_[place].erase(committed) > 0) ++committed;
  }
  void pause(bool paused) override { paused_ = paused; }
  void commit() override {}
  std::string problem() const override { return ""; }

 private:
  struct Place {
    std::int64_t next = 0;
    std::int64_t inherited_end = 0;
  };

  MemoryBus::GroupState& state() { return bus_.groups_[group_]; }

  std::vector<TopicPartition> owned() {
    const std::scoped_lock lock(bus_.mutex_);
    std::vector<TopicPartition> mine;
    for (const auto& [place, owner] : state().owners) {
      if (owner == this) mine.push_back(place);
    }
    return mine;
  }

  /// Gives up what is another's, takes what is nobody's.
  void rebalance() {
    std::vector<TopicPartition> taken;
    std::vector<TopicPartition> given;
    {
      const std::scoped_lock lock(bus_.mutex_);
      std::vector<const void*> members;
      for (const auto& [member, about] : state().members) members.push_back(member);
      for (const std::string& topic : state().members.at(this).second) {
        const auto count = bus_.topics_[topic].size();
        for (std::size_t i = 0; i < count; ++i) {
          const TopicPartition place{topic, static_cast<int>(i)};
          const bool mine = members[i % members.size()] == this;
          const auto owner = state().owners.find(place);
          if (owner != state().owners.end() && owner->second == this && !mine) taken.push_back(place);
          if (owner == state().owners.end() && mine) given.push_back(place);
        }
      }
    }
    if (!taken.empty()) {
      if (events_.revoked) events_.revoked(taken, false);
      const std::scoped_lock lock(bus_.mutex_);
      for (const auto& place : taken) {
        state().owners.erase(place);
        places_.erase(place);
        done_.erase(place);
      }
    }
    if (given.empty()) return;
    {
      const std::scoped_lock lock(bus_.mutex_);
      for (const auto& place : given) {
        state().owners[place] = this;
        places_[place] = {state().committed[place], static_cast<std::int64_t>(bus_.partition(place).size())};
      }
    }
    if (events_.assigned) events_.assigned(given);
  }

  void take(std::vector<Record>& records) {
    if (paused_) return;
    for (auto& [place, at] : places_) {
      const auto& all = bus_.partition(place);
      for (; at.next < static_cast<std::int64_t>(all.size()); ++at.next) {
        records.push_back(all[static_cast<std::size_t>(at.next)]);
        records.back().inherited = at.next < at.inherited_end;
      }
    }
  }

  MemoryBus& bus_;
  std::string group_;
  Events events_;
  std::map<TopicPartition, Place> places_;
  std::map<TopicPartition, std::set<std::int64_t>> done_;
  bool paused_ = false;
};

class MemoryLogReader : public bus::LogReader {
 public:
  MemoryLogReader(MemoryBus& bus, const std::string& topic, const bus::StartAt& start) : bus_(bus) {
    const std::scoped_lock lock(bus_.mutex_);
    auto& partitions = bus_.topics_[topic];
    if (partitions.empty()) partitions.resize(1);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const TopicPartition place{topic, static_cast<int>(i)};
      const auto known = start.offsets.find(place);
      const auto first =
          std::ranges::find_if(partitions[i], [&](const Record& record) { return start.since && record.timestamp >= *start.since; });
      next_[place] = known != start.offsets.end() ? known->second : first - partitions[i].begin();
      end_[place] = static_cast<std::int64_t>(partitions[i].size());
    }
  }
  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(bus_.mutex_);
    std::vector<Record> records;
    bus_.changed_.wait_for(lock, timeout, [&] {
      for (auto& [place, next] : next_) {
        const auto& all = bus_.partition(place);
        for (; next < static_cast<std::int64_t>(all.size()); ++next) records.push_back(all[static_cast<std::size_t>(next)]);
      }
      return !records.empty();
    });
    return records;
  }
  std::map<TopicPartition, std::int64_t> positions() const override { return next_; }
  bool caught_up() const override {
    return std::ranges::all_of(end_, [&](const auto& item) { return next_.at(item.first) >= item.second; });
  }

 private:
  MemoryBus& bus_;
  std::map<TopicPartition, std::int64_t> next_;
  std::map<TopicPartition, std::int64_t> end_;
};

std::unique_ptr<bus::Producer> MemoryBus::producer() { return std::make_unique<MemoryProducer>(*this); }
std::unique_ptr<bus::Subscription> MemoryBus::subscribe(const std::string& group, const std::vector<std::string>& topics,
                                                        bus::Subscription::Events events) {
  return std::make_unique<MemorySubscription>(*this, group, topics, std::move(events));
}
std::unique_ptr<bus::LogReader> MemoryBus::read_log(const std::string& topic, const bus::StartAt& start) {
  return std::make_unique<MemoryLogReader>(*this, topic, start);
}

void MemoryBus::ensure_topics(const std::vector<bus::TopicSpec>& topics) {
  const std::scoped_lock lock(mutex_);
  for (const auto& topic : topics) {
    auto& partitions = topics_[topic.name];
    partitions.resize(std::max(partitions.size(), static_cast<std::size_t>(topic.partitions)));
  }
}

bus::Bus::Group MemoryBus::describe_group(const std::string& group) {
  const std::scoped_lock lock(mutex_);
  Group result{.exists = groups_.contains(group), .stable = true};
  for (const auto& [member, about] : groups_[group].members) {
    bus::Member description{.id = about.first, .name = about.first};
    for (const auto& [place, owner] : groups_[group].owners) {
      if (owner == member) description.partitions.push_back(place);
    }
    result.members.push_back(std::move(description));
  }
  return result;
}

bus::Bus::Backlog MemoryBus::backlog(const std::string& group, const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  const auto found = topics_.find(topic);
  if (found == topics_.end() || found->second.empty()) return {};
  Backlog backlog{.topic_exists = true};
  for (std::size_t i = 0; i < found->second.size(); ++i) {
    backlog.records += static_cast<std::int64_t>(found->second[i].size()) - groups_[group].committed[{topic, static_cast<int>(i)}];
  }
  return backlog;
}

std::vector<std::string> MemoryBus::brokers(std::chrono::milliseconds) { return {"memory:1"}; }

bool MemoryBus::store(const bus::Outgoing& message) {
  const std::scoped_lock lock(mutex_);
  if (frozen_) return false;
  auto& partitions = topics_[message.topic];
  if (partitions.empty()) partitions.resize(1);
  const auto by_key = std::hash<std::string>{}(message.key) % partitions.size();
  const auto index = message.partition ? static_cast<std::size_t>(*message.partition) : by_key;
  auto& records = partitions.at(index);
  records.push_back({.topic = message.topic,
                     .partition = static_cast<int>(index),
                     .offset = static_cast<std::int64_t>(records.size()),
                     .timestamp = now(),
                     .key = message.key,
                     .value = message.value,
                     .headers = message.headers});
  changed_.notify_all();
  return true;
}

void MemoryBus::freeze(bool frozen) {
  const std::scoped_lock lock(mutex_);
  frozen_ = frozen;
}
void MemoryBus::name_members(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  member_name_ = name;
}

std::vector<Record> MemoryBus::records(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  std::vector<Record> all;
  for (const auto& partition : topics_[topic]) all.insert(all.end(), partition.begin(), partition.end());
  std::ranges::sort(all, {}, [](const Record& record) { return std::tuple(record.timestamp, record.partition, record.offset); });
  return all;
}

bool MemoryBus::wait_for(const std::string& topic, std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
    std::size_t there = 0;
    for (const auto& partition : topics_[topic]) there += partition.size();
    return there >= count;
  });
}

std::int64_t MemoryBus::committed(const std::string& group, const TopicPartition& place) {
  const std::scoped_lock lock(mutex_);
  return groups_[group].committed[place];
}

}  // namespace p2p::testing
