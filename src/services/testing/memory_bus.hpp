#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

#include "platform/bus/bus.hpp"

namespace p2p::testing {

class MemoryLogReader;

/// An in-memory bus for tests: topics with partitions, consumer groups, committed offsets. Topics are created by their first use, nothing
/// expires, and poll() may return earlier than its timeout. Thread-safe. Every call ends with notify_changed() or, if it may wait, begins
/// with it. The suite of platform/bus/testing holds it to the contract of the other implementations.
class MemoryBus : public bus::Bus {
 public:
  std::unique_ptr<bus::Producer> producer(std::chrono::milliseconds expiry = {}) override;
  std::unique_ptr<bus::Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                               bus::Subscription::Events events) override;
  std::unique_ptr<bus::LogReader> read_log(const std::string& topic, const bus::StartAt& start) override;
  void ensure_topics(const std::vector<bus::TopicSpec>& topics) override;
  std::string log_of(const std::string& topic) override;
  Group describe_group(const std::string& group) override;
  Backlog backlog(const std::string& group, const std::string& topic) override;
  std::vector<std::string> brokers(std::chrono::milliseconds timeout) override;

  /// While frozen, nothing is stored or committed and there are no delivery reports, as for a process that was killed.
  void freeze(bool frozen);
  /// From now on messages for the topic are refused with this problem.
  void refuse(const std::string& topic, bus::Producer::Problem problem);
  /// Deletes the topic and creates it again, as after a loss of the brokers' data.
  void make_anew(const std::string& topic);
  void remove(const std::string& topic);
  /// While held, delivery reports are withheld. A producer still delivers the rest in its destructor.
  void hold_reports(bool held);
  /// Whether read_log() of the topic throws BusError.
  void refuse_reading(const std::string& topic, bool refused);
  /// The name of members that join from now on.
  void name_members(const std::string& name);

  std::vector<bus::Record> records(const std::string& topic);
  /// Waits with eventually() until the topic has `count` records.
  bool wait_for(const std::string& topic, std::size_t count);
  /// Whether the topic has LogReaders, and each has polled again after reading its last record.
  bool is_read(const std::string& topic);
  std::int64_t committed(const std::string& group, const bus::TopicPartition& partition);

 private:
  friend class MemoryProducer;
  friend class MemorySubscription;
  friend class MemoryLogReader;

  /// Short, so that polling loops notice soon that they have to stop.
  static constexpr std::chrono::milliseconds kLongestPoll{10};
  static constexpr std::size_t kMaxMessage = 1'000'000;  ///< bytes, as with Kafka
  static constexpr std::size_t kBatch = 100;             ///< of a subscription's poll()

  struct GroupMember {
    const void* subscription;
    std::string id;
    std::string name;
    std::vector<std::string> topics;
  };
  struct GroupState {
    std::map<bus::TopicPartition, std::int64_t> committed;
    std::map<bus::TopicPartition, const void*> owners;
    std::vector<GroupMember> members;  ///< in order of joining: member i of n gets the partitions i, i + n, ...
  };

  bool store(const bus::Outgoing& message);
  bus::Producer::Problem refusal(const bus::Outgoing& message);
  std::vector<bus::Record>& records_of(const bus::TopicPartition& partition) {
    return topics_.at(partition.topic).at(static_cast<std::size_t>(partition.partition));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<std::vector<bus::Record>>> topics_;
  std::map<std::string, bus::Producer::Problem> refusals_;
  std::map<std::string, int> made_;  ///< by topic: how often it was re-created
  std::map<std::string, GroupState> groups_;
  std::set<const MemoryLogReader*> log_readers_;
  std::set<std::string> unreadable_;
  std::string member_name_ = "worker";
  bool frozen_ = false;
  std::atomic<bool> reports_held_ = false;
};

}  // namespace p2p::testing
