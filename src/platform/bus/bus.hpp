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

/// The durable message queue, in Kafka's terms. bus/kafka and bus/embedded implement it; services depend only on these
/// interfaces.
namespace p2p::bus {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Outgoing {
  std::string topic;
  std::optional<int> partition;  ///< unset: chosen by the key
  std::string key;
  std::string value;
  Headers headers;
};

struct TopicPartition {
  std::string topic;
  int partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

/// A message that was read.
struct Record {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  Time timestamp;  ///< time of production, by the clock of the producer or the broker
  std::string key;
  std::string value;
  Headers headers;
  /// For a Subscription: it was in the partition before the partition was assigned to this member, so another member may have started it.
  bool inherited = false;

  /// The header's value; empty if there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [key_, value_] : headers) {
      if (key_ == name) return value_;
    }
    return {};
  }
  TopicPartition topic_partition() const { return {topic, partition}; }
};

/// Sends messages. Each is stored exactly once by all in-sync replicas (idempotent, acks=all), in order within a partition. Thread-safe.
class Producer {
 public:
  /// Why a message was not stored; empty if it was.
  struct Problem {
    std::string text;
    bool permanent =
        false;  ///< the brokers will never accept the message (too large, malformed); otherwise the operator can fix it (permissions)
    bool expired = false;  ///< the producer's `expiry` passed; the message may have been stored, but will not be stored later
    bool empty() const { return text.empty(); }
    operator const std::string&() const { return text; }  // NOLINT(*-explicit-*): most callers only log it
  };
  using Delivered = std::function<void(const Problem& problem)>;

  virtual ~Producer() = default;

  /// Queues the message and retries until it is stored, through any outage; waits a minute for a missing topic. Calls `delivered` once,
  /// from another thread, or never if the producer is destroyed first.
  virtual void send(Outgoing message, Delivered delivered) = 0;
  void send(Outgoing message) { send(std::move(message), {}); }

  /// Waits until `delivered` has been called for every queued message; false on timeout.
  virtual bool flush(std::chrono::milliseconds timeout) = 0;
};

/// A member of a consumer group. The constructor joins; the destructor commits what was done() and leaves. Not thread-safe, except
/// done(), which any thread may call.
class Subscription {
 public:
  struct Events {
    /// Partitions were assigned to this member. Called before any of their records is returned.
    std::function<void(const std::vector<TopicPartition>& given)> assigned;
    /// Called before assigned() for partitions whose topic was re-created since they were last assigned to this member. The records read
    /// before are gone and will not be redelivered; done() must not be called for them any more.
    std::function<void(const std::vector<TopicPartition>& partitions)> vanished;
    /// Partitions are revoked (`lost`: another member may have owned them for some time already). Their records that are not done() will be
    /// redelivered to another member. done() for them has an effect until this returns.
    std::function<void(const std::vector<TopicPartition>& taken, bool lost)> revoked;
  };

  virtual ~Subscription() = default;

  /// Returns up to about a hundred records, or none on timeout. Must be called at least every five minutes. Calls the functions of
  /// Events.
  virtual std::vector<Record> poll(std::chrono::milliseconds timeout) = 0;

  /// Marks the record as processed. Records may be done out of order: the committed offset follows the longest run of done records from
  /// the partition's start.
  virtual void done(const TopicPartition& partition, std::int64_t offset) = 0;

  /// While paused, poll() returns no records but keeps the membership.
  virtual void pause(bool paused) = 0;

  /// Commits what is done, synchronously.
  virtual void commit() = 0;

  /// Empty while this is a member of the group, otherwise the reason. Thread-safe.
  virtual std::string problem() const = 0;
};

/// Reads whole topics without a group, from offsets that the caller keeps. Not thread-safe.
class LogReader {
 public:
  virtual ~LogReader() = default;
  /// Throws BusError if the topic was deleted or re-created: a new reader is needed then.
  virtual std::vector<Record> poll(std::chrono::milliseconds timeout) = 0;
  /// The next offset to read of each partition.
  virtual std::map<TopicPartition, std::int64_t> positions() const = 0;
  /// Whether everything that was in the topic when the reader was created has been returned.
  virtual bool caught_up() const = 0;
  /// Id of the topic's log; a re-created topic gets another. Empty: unknown.
  virtual std::string log() const { return ""; }
};

/// Where a LogReader starts. A partition whose offset was deleted by retention starts at its oldest record.
struct StartAt {
  std::map<TopicPartition, std::int64_t> offsets;  ///< start offsets of these partitions
  std::optional<Time> since;                       ///< other partitions start at the first record from this time; unset: at the end
  std::string log;  ///< the LogReader::log() that the offsets belong to; another log is read from its first record. Empty: unknown
};

/// A member of a consumer group and its partitions.
struct Member {
  std::string id;    ///< new at each join
  std::string name;  ///< client.id, the worker's name
  std::vector<TopicPartition> partitions;
};

struct TopicSpec {
  std::string name;
  int partitions = 1;
  std::chrono::hours retention{24 * 7};
};

/// Creates producers, subscriptions and readers, and queries topics and groups. Thread-safe.
class Bus {
 public:
  virtual ~Bus() = default;
  /// `expiry`: how long the producer tries to store a message, also if the process is suspended meanwhile; 0: for ever. Implementations
  /// whose producers cannot outlive their process' hold on the bus (memory, embedded) store at once and ignore it.
  virtual std::unique_ptr<Producer> producer(std::chrono::milliseconds expiry = {}) = 0;
  virtual std::unique_ptr<Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                                  Subscription::Events events) = 0;
  virtual std::unique_ptr<LogReader> read_log(const std::string& topic, const StartAt& start) = 0;

  /// Creates missing topics (with three brokers or more: three replicas, min.insync.replicas 2) and adds missing partitions. From then on,
  /// re-creates these topics whenever they disappear. Throws BusError (bus_error.hpp), which names the missing topics that may not be
  /// created.
  virtual void ensure_topics(const std::vector<TopicSpec>& topics) = 0;

  /// The id of the topic's log, as in LogReader::log(), one or two seconds old. Empty: unknown yet.
  virtual std::string log_of(const std::string& topic) = 0;

  /// The members of the group; empty while it is rebalancing (ask again) or does not exist yet, which `exists` distinguishes.
  struct Group {
    bool exists = false;
    bool stable = false;
    std::vector<Member> members;
  };
  virtual Group describe_group(const std::string& group) = 0;

  /// The number of messages in the topic that the group has not committed, and whether the topic exists.
  struct Backlog {
    bool topic_exists = false;
    std::int64_t records = 0;
  };
  virtual Backlog backlog(const std::string& group, const std::string& topic) = 0;

  /// Brokers that answer, as host:port, or the file of an embedded bus. Throws BusError with the last error if none answers within
  /// `timeout`.
  virtual std::vector<std::string> brokers(std::chrono::milliseconds timeout) = 0;
};

}  // namespace p2p::bus
