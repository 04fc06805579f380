#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

/// The durable queue, in Kafka's words. bus/kafka is the real one; services know these interfaces alone.
namespace p2p::bus {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Outgoing {
  std::string topic;
  std::optional<int> partition;  ///< unset: by the key
  std::string key;
  std::string value;
  Headers headers;
};

struct TopicPartition {
  std::string topic;
  int partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

/// A message as it was read.
struct Record {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  Time timestamp;  ///< when it was produced, by the producer's or the broker's clock
  std::string key;
  std::string value;
  Headers headers;
  /// Of a Subscription: it stood in the partition when that was given to this member, so that another may have begun it.
  bool inherited = false;

  /// The header's value; empty where there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [key_, value_] : headers) {
      if (key_ == name) return value_;
    }
    return {};
  }
  TopicPartition place() const { return {topic, partition}; }
};

/// Sends messages so that each is stored once by all in-sync replicas (idempotent, acks=all), in order within a partition. Thread-safe.
class Producer {
 public:
  /// Why a message was not stored; empty: it was.
  struct Problem {
    std::string text;
    bool permanent = false;  ///< the brokers never take this message (too large, malformed); else the operator may mend it (not permitted)
    bool empty() const { return text.empty(); }
    operator const std::string&() const { return text; }  // NOLINT(*-explicit-*): most only log it
  };
  using Delivered = std::function<void(const Problem& problem)>;

  virtual ~Producer() = default;

  /// Queues the message; repeats until it is stored, through any outage; a topic that is missing is waited for a minute. `delivered` is
  /// called once, from another thread; not at all if the producer ends first.
  virtual void send(Outgoing message, Delivered delivered) = 0;
  void send(Outgoing message) { send(std::move(message), {}); }

  /// Waits until `delivered` has been called for all that was queued; false if `timeout` came first.
  virtual bool flush(std::chrono::milliseconds timeout) = 0;
};

/// A member of a consumer group. Constructed: joined; destroyed: left, with what was done() committed. One thread at a time may call it;
/// done() may be called from any thread.
class Subscription {
 public:
  struct Events {
    /// After partitions were given to this member and before any record of them is returned.
    std::function<void(const std::vector<TopicPartition>& given)> assigned;
    /// Before assigned(): these partitions' logs have been made anew since they were given to this member before. What was read of them is
    /// gone, and nobody reads it again; done() must not be called for it any more.
    std::function<void(const std::vector<TopicPartition>& places)> vanished;
    /// Partitions are taken away (`lost`: they may have been another's for some time already). Records of them that are not done() will be
    /// read by another member. done() of them may be called until this returns; afterwards it does nothing.
    std::function<void(const std::vector<TopicPartition>& taken, bool lost)> revoked;
  };

  virtual ~Subscription() = default;

  /// Records that came, at most about a hundred; none if `timeout` passed. Has to be called at least each five minutes. Calls Events'
  /// functions.
  virtual std::vector<Record> poll(std::chrono::milliseconds timeout) = 0;

  /// The record needs no reading again. What is committed is the longest run of done records from the partition's start, so records may be
  /// done out of order.
  virtual void done(const TopicPartition& place, std::int64_t offset) = 0;

  /// While paused poll() returns no records, and membership is kept.
  virtual void pause(bool paused) = 0;

  /// Commits now what is done, and waits for it.
  virtual void commit() = 0;

  /// Empty while it is a member of the group; else why not. Thread-safe.
  virtual std::string problem() const = 0;
};

/// Reads whole topics without a group, from places that the caller keeps. One thread at a time.
class LogReader {
 public:
  virtual ~LogReader() = default;
  /// Throws BusError where the topic is gone or was made anew: another reader has to be made.
  virtual std::vector<Record> poll(std::chrono::milliseconds timeout) = 0;
  /// The partitions' next offsets to be read.
  virtual std::map<TopicPartition, std::int64_t> positions() const = 0;
  /// Whether all that stood in the topic when the reader was made has been returned.
  virtual bool caught_up() const = 0;
  /// Which log of the topic it reads: a topic that is made anew gets another. Empty: not known.
  virtual std::string log() const { return ""; }
};

/// Where a LogReader starts. A partition whose offset is gone (deleted by retention) starts at its oldest record.
struct StartAt {
  std::map<TopicPartition, std::int64_t> offsets;  ///< these partitions at these
  std::optional<Time> since;                       ///< the others at the first record from this time on; unset: at the end
  std::string log;  ///< whose offsets these are, as LogReader::log() said: another one is read from its first record. Empty: not known
};

/// A consumer group's member and what it owns.
struct Member {
  std::string id;    ///< new at each join
  std::string name;  ///< client.id: the worker's name
  std::vector<TopicPartition> partitions;
};

struct TopicSpec {
  std::string name;
  int partitions = 1;
  std::chrono::hours retention{24 * 7};
};

/// Makes the rest, and asks the brokers about topics and groups. Thread-safe.
class Bus {
 public:
  virtual ~Bus() = default;
  virtual std::unique_ptr<Producer> producer() = 0;
  virtual std::unique_ptr<Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                                  Subscription::Events events) = 0;
  virtual std::unique_ptr<LogReader> read_log(const std::string& topic, const StartAt& start) = 0;

  /// Creates what is missing (with three brokers or more: three replicas, of which two must be in sync) and adds partitions where there are
  /// fewer. Throws BusError (bus_error.hpp): names the topics that are missing and may not be created.
  /// From then on they are made again whenever they are missing, without being asked.
  virtual void ensure_topics(const std::vector<TopicSpec>& topics) = 0;

  /// Which log the topic has, as LogReader::log(); as it was a second or two ago. Empty: not known yet.
  virtual std::string log_of(const std::string& topic) = 0;

  /// The group's members; nothing while it is rebalancing (ask again) or if it does not exist yet: `exists` tells which.
  struct Group {
    bool exists = false;
    bool stable = false;
    std::vector<Member> members;
  };
  virtual Group describe_group(const std::string& group) = 0;

  /// Messages in the topic that the group has not committed, and whether the topic exists.
  struct Backlog {
    bool topic_exists = false;
    std::int64_t records = 0;
  };
  virtual Backlog backlog(const std::string& group, const std::string& topic) = 0;

  /// Brokers that answer, as host:port. Throws BusError when none does within `timeout`, with the reason that librdkafka last gave.
  virtual std::vector<std::string> brokers(std::chrono::milliseconds timeout) = 0;
};

}  // namespace p2p::bus
