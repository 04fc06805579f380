#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace p2p::bus::embedded {

struct Partition {
  std::int64_t id = 0;
  std::int64_t first = 0;  ///< the lowest offset that retention has not deleted
  std::int64_t end = 0;    ///< the offset of the next record
  Time newest;             ///< the latest timestamp of its records
};

struct Topic {
  std::string log;  ///< see LogReader::log()
  std::chrono::milliseconds retention{0};
  std::vector<Partition> partitions;
};

using Topics = std::map<std::string, Topic>;

/// What is in the file, as readers may see it. Thread-safe.
class Catalogue {
 public:
  explicit Catalogue(Topics topics) : topics_(std::move(topics)) {}

  /// Calls `function` with the topics, locked, and returns its result.
  template <typename Function>
  auto with(const Function& function) {
    const std::scoped_lock lock(mutex_);
    return function(topics_);
  }

 private:
  std::mutex mutex_;
  Topics topics_;
};

}  // namespace p2p::bus::embedded
