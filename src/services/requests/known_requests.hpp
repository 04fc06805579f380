#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "services/requests/observer.hpp"
#include "services/requests/table.hpp"
#include "services/requests/watches.hpp"

namespace p2p::requests {

/// The table of requests as several threads use it: all functions but lock() and watches() require lock(). Changes are passed to the
/// observers and the watches.
class KnownRequests {
 public:
  using Lock = std::unique_lock<std::mutex>;

  explicit KnownRequests(const EndedRequests::Limits& ended) : table_(ended) {}

  Lock lock() const { return Lock(mutex_); }
  Watches& watches() { return watches_; }
  const Table& table() const { return table_; }

  void observe(Observer& observer) { observers_.push_back(&observer); }
  /// Adds a request, unless it is known.
  void add(RequestState state);
  /// Applies an event other than `accepted`.
  Change apply(const messages::Event& event);
  /// The request, which may be unknown yet, is being cancelled.
  void cancel(const std::string& id);
  void forget_old(Time now) { table_.forget_old(now); }

 private:
  mutable std::mutex mutex_;
  Table table_;
  std::vector<Observer*> observers_;
  Watches watches_;
};

}  // namespace p2p::requests
