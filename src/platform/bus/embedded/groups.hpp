#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/bus/embedded/assignment.hpp"
#include "platform/bus/embedded/catalogue.hpp"
#include "platform/bus/embedded/signals.hpp"
#include "platform/bus/embedded/store.hpp"

namespace p2p::bus::embedded {

/// The consumer groups: their members, which partitions each owns and should own, and committed offsets. A partition changes hands when its
/// owner has released it and the next one claims it. Wakes the members on changes. Thread-safe.
class Groups {
 public:
  /// Keeps the references. `committed`: of an earlier run.
  Groups(Catalogue& catalogue, Signals& signals, Committed committed)
      : catalogue_(catalogue), signals_(signals), committed_(std::move(committed)) {}

  /// Adds a member and returns its id.
  std::string join(const std::string& group, const std::string& name, const std::vector<std::string>& topics);
  /// Removes the member and releases what it owns.
  void leave(const std::string& group, const std::string& member);

  /// The partitions that the member owns and another one should.
  std::vector<TopicPartition> to_release(const std::string& group, const std::string& member);
  void release(const std::string& group, const std::vector<TopicPartition>& partitions);
  /// Makes the member the owner of those partitions that it should own and nobody owns, and returns them.
  std::vector<TopicPartition> claim(const std::string& group, const std::string& member);

  /// Must be called after topics or partitions were added.
  void update();

  /// By Partition::id. nullopt: nothing was committed.
  std::optional<std::int64_t> committed(const std::string& group, std::int64_t partition);
  void commit(const std::string& group, std::int64_t partition, std::int64_t next);

  Bus::Group describe(const std::string& group);

 private:
  struct Group {
    std::map<std::string, std::string> names;                ///< by member id
    std::map<std::string, std::vector<std::string>> topics;  ///< by member id
    Owners owners;
    Owners target;  ///< who should own them
  };

  void balance(Group& group);
  void notify(const Group& group);

  Catalogue& catalogue_;
  Signals& signals_;
  std::mutex mutex_;
  std::map<std::string, Group> groups_;
  Committed committed_;
};

}  // namespace p2p::bus::embedded
