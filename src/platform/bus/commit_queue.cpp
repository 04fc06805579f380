#include "platform/bus/commit_queue.hpp"

#include <algorithm>

namespace p2p::bus {

void CommitQueue::taken(std::int64_t offset) {
  if (entries_.empty() || entries_.back().offset < offset) entries_.push_back({offset, false});
}

std::optional<std::int64_t> CommitQueue::done(std::int64_t offset) {
  const auto entry = std::ranges::lower_bound(entries_, offset, {}, &Entry::offset);
  if (entry == entries_.end() || entry->offset != offset) return std::nullopt;
  entry->done = true;
  std::optional<std::int64_t> next;
  for (; !entries_.empty() && entries_.front().done; entries_.pop_front()) next = entries_.front().offset + 1;
  return next;
}

}  // namespace p2p::bus
