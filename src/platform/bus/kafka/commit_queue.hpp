#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace p2p::bus {

/// One partition's records that were read and not committed. Offsets may have gaps. Not thread-safe.
class CommitQueue {
 public:
  /// Records come in the order of their offsets.
  void taken(std::int64_t offset);

  /// The offset to commit (behind the longest run of done records from the start) if that has moved.
  std::optional<std::int64_t> done(std::int64_t offset);

 private:
  struct Entry {
    std::int64_t offset;
    bool done;
  };
  std::deque<Entry> entries_;
};

}  // namespace p2p::bus
