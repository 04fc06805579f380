#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace p2p::bus {

/// Records of one partition that were read and not yet committed. Offsets may have gaps. Not thread-safe.
class CommitQueue {
 public:
  /// Must be called in the order of offsets.
  void taken(std::int64_t offset);

  /// The offset to commit, after the longest run of done records from the start, if it has advanced.
  std::optional<std::int64_t> done(std::int64_t offset);

 private:
  struct Entry {
    std::int64_t offset;
    bool done;
  };
  std::deque<Entry> entries_;
};

}  // namespace p2p::bus
