#include "services/testing/memory_bus.hpp"

#include <algorithm>
#include <deque>
#include <thread>
#include <tuple>

#include "platform/bus/bus_error.hpp"
#include "services/testing/eventually.hpp"

namespace p2p::testing {

using bus::Record;
using bus::TopicPartition;

class MemoryProducer : public bus::Producer {
 public:
  explicit MemoryProducer(MemoryBus& bus) : bus_(bus) {}
  void send(bus::Outgoing message, Delivered delivered) override {
    Problem problem = bus_.refusal(message);
    if ((problem.empty() && !bus_.store(message)) || !delivered) return;
    const std::scoped_lock lock(mutex_);
    delivered_.emplace_back(std::move(delivered), std::move(problem));
    changed_.notify_all();
  }
  bool flush(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return delivered_.empty() && !reporting_; });
  }

 private:
  void deliver_reports(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested() || !delivered_.empty()) {
      const auto may_report = [&] { return !delivered_.empty() && !bus_.reports_held_; };
      if (!stop.stop_requested() && !changed_.wait_for(lock, stop, MemoryBus::kLongestPoll, may_report)) continue;
      if (delivered_.empty()) continue;
      const auto [delivered, problem] = std::move(delivered_.front());
      delivered_.pop_front();
      reporting_ = true;
      lock.unlock();
      delivered(problem);
      lock.lock();
      reporting_ = false;
      changed_.notify_all();
      notify_changed();
    }
  }

  MemoryBus& bus_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::pair<Delivered, Problem>> delivered_;
  bool reporting_ = false;
  std::jthread reporter_{[this](const std::stop_token& stop) { deliver_reports(stop); }};
};

class MemoryLogReader : public bus::LogReader {
 public:
  MemoryLogReader(MemoryBus& bus, const std::string& topic, bus::StartAt start) : bus_(bus), topic_(topic), log_(bus.log_of(topic)) {
    const std::scoped_lock lock(bus_.mutex_);
    if (!start.log.empty() && start.log != log_) start = {.offsets = {}, .since = Time{}, .log = log_};
    auto& partitions = bus_.topics_[topic];
    if (partitions.empty()) partitions.resize(1);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const TopicPartition partition{topic, static_cast<int>(i)};
      const auto known = start.offsets.find(partition);
      const auto first =
          std::ranges::find_if(partitions[i], [&](const Record& record) { return start.since && record.timestamp >= *start.since; });
      const auto end = static_cast<std::int64_t>(partitions[i].size());
      next_[partition] = known != start.offsets.end() ? known->second : first - partitions[i].begin();
      if (next_[partition] > end) next_[partition] = 0;  // an offset of a longer log
      end_[partition] = end;
    }
    bus_.log_readers_.insert(this);
  }
  ~MemoryLogReader() override {
    const std::scoped_lock lock(bus_.mutex_);
    bus_.log_readers_.erase(this);
  }
  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    if (bus_.log_of(topic_) != log_) throw bus::BusError("the topic " + topic_ + " was re-created", true);
    std::unique_lock lock(bus_.mutex_);
    handled_ = next_;
    notify_changed();
    std::vector<Record> records;
    bus_.changed_.wait_for(lock, std::min(timeout, MemoryBus::kLongestPoll), [&] {
      for (auto& [partition, next] : next_) {
        const auto& all = bus_.records_of(partition);
        for (; next < static_cast<std::int64_t>(all.size()); ++next) records.push_back(all[static_cast<std::size_t>(next)]);
      }
      return !records.empty();
    });
    return records;
  }
  std::map<TopicPartition, std::int64_t> positions() const override { return next_; }
  std::string log() const override { return log_; }
  bool caught_up() const override {
    return std::ranges::all_of(end_, [&](const auto& item) { return next_.at(item.first) >= item.second; });
  }
  /// The offsets up to which the caller has processed everything. The bus' mutex must be held.
  const std::map<TopicPartition, std::int64_t>& handled() const { return handled_; }

 private:
  MemoryBus& bus_;
  std::string topic_;
  std::string log_;
  std::map<TopicPartition, std::int64_t> next_;
  std::map<TopicPartition, std::int64_t> handled_;
  std::map<TopicPartition, std::int64_t> end_;
};

std::unique_ptr<bus::Producer> MemoryBus::producer(std::chrono::milliseconds /*expiry*/) { return std::make_unique<MemoryProducer>(*this); }
std::unique_ptr<bus::LogReader> MemoryBus::read_log(const std::string& topic, const bus::StartAt& start) {
  notify_changed();
  {
    const std::scoped_lock lock(mutex_);
    if (unreadable_.contains(topic)) throw bus::BusError(topic + " cannot be read, as configured by the test", true);
  }
  return std::make_unique<MemoryLogReader>(*this, topic, start);
}

void MemoryBus::ensure_topics(const std::vector<bus::TopicSpec>& topics) {
  const std::scoped_lock lock(mutex_);
  for (const auto& topic : topics) {
    auto& partitions = topics_[topic.name];
    partitions.resize(std::max(partitions.size(), static_cast<std::size_t>(topic.partitions)));
  }
}

std::string MemoryBus::log_of(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  return "log " + std::to_string(made_[topic]);
}

bus::Bus::Group MemoryBus::describe_group(const std::string& group) {
  const std::scoped_lock lock(mutex_);
  Group result{.exists = groups_.contains(group), .stable = true};
  for (const GroupMember& member : groups_[group].members) {
    bus::Member description{.id = member.id, .name = member.name};
    for (const auto& [partition, owner] : groups_[group].owners) {
      if (owner == member.subscription) description.partitions.push_back(partition);
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
  notify_changed();
  return true;
}

void MemoryBus::freeze(bool frozen) {
  const std::scoped_lock lock(mutex_);
  frozen_ = frozen;
}
void MemoryBus::refuse(const std::string& topic, bus::Producer::Problem problem) {
  const std::scoped_lock lock(mutex_);
  refusals_[topic] = std::move(problem);
}
bus::Producer::Problem MemoryBus::refusal(const bus::Outgoing& message) {
  if (message.key.size() + message.value.size() > kMaxMessage) return {"message too large", true};
  const std::scoped_lock lock(mutex_);
  return refusals_[message.topic];
}
void MemoryBus::make_anew(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  ++made_[topic];
  for (auto& records : topics_[topic]) records.clear();
  for (auto& [name, group] : groups_) std::erase_if(group.committed, [&](const auto& item) { return item.first.topic == topic; });
  changed_.notify_all();
  notify_changed();
}
void MemoryBus::remove(const std::string& topic) {
  make_anew(topic);
  const std::scoped_lock lock(mutex_);
  topics_.erase(topic);
}
void MemoryBus::hold_reports(bool held) { reports_held_ = held; }
void MemoryBus::refuse_reading(const std::string& topic, bool refused) {
  const std::scoped_lock lock(mutex_);
  refused ? void(unreadable_.insert(topic)) : void(unreadable_.erase(topic));
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
  return eventually([&] { return records(topic).size() >= count; });
}

bool MemoryBus::is_read(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  bool is_followed = false;
  for (const MemoryLogReader* reader : log_readers_) {
    for (const auto& [partition, offset] : reader->handled()) {
      if (partition.topic != topic) continue;
      if (offset < static_cast<std::int64_t>(records_of(partition).size())) return false;
      is_followed = true;
    }
  }
  return is_followed;
}

std::int64_t MemoryBus::committed(const std::string& group, const TopicPartition& partition) {
  const std::scoped_lock lock(mutex_);
  return groups_[group].committed[partition];
}

}  // namespace p2p::testing
