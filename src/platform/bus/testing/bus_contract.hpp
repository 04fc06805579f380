#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"

/// The behaviour that every Bus has. A test program instantiates the suite BusContract for each implementation, and the other suites for
/// those that can do it.
namespace p2p::bus::testing {

/// One implementation, and what a test does to it from outside.
class Backend {
 public:
  virtual ~Backend() = default;
  /// A bus whose members have this name. Valid as long as the backend.
  virtual Bus& bus(const std::string& client_id) = 0;
  /// For RecreationContract: deletes the topic and creates it again, while it is in use.
  virtual void recreate(const TopicSpec&) {}
  /// For RetentionContract: deletes all records of the topic, whose retention is 0, as when it has passed.
  virtual void expire(const TopicSpec&) {}
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};
inline void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }  // NOLINT(*-naming)

class BusContract : public ::testing::TestWithParam<Implementation> {
 protected:
  BusContract();

  Bus& bus(const std::string& client_id = "contract") { return backend_->bus(client_id); }
  /// ensure_topics(), and waits until each partition can be used, for which Kafka takes a moment.
  void ensure(const TopicSpec& topic);
  /// Creates a topic of its own for the test.
  std::string new_topic(int partitions = 1);

  /// Sends and waits until they are delivered.
  void send(const std::vector<Outgoing>& messages);
  /// Sends `count` messages to the partition, whose values are numbers from `first` on.
  void send_numbers(const std::string& topic, int count, int first = 0, int partition = 0);

  /// Waits until the condition holds, and calls it again and again.
  static bool eventually(const std::function<bool()>& condition);
  /// Polls until there are `count` records, and once more, so that too many are noticed.
  static std::vector<Record> read(Subscription& member, std::size_t count);
  static std::vector<Record> read(LogReader& reader, std::size_t count);
  /// Reads until the end.
  std::vector<Record> read_all(const std::string& topic);
  static std::vector<std::string> values(const std::vector<Record>& records);

  std::unique_ptr<Backend> backend_ = GetParam().make();
  std::string group_;  ///< of the test alone
};

class RecreationContract : public BusContract {};
class RetentionContract : public BusContract {};

}  // namespace p2p::bus::testing
