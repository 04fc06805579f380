#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/dispatch/types.hpp"

namespace p2p::dispatch {

/// The rank of a request: start tag, then arrival.
struct Rank {
  double tag = 0;
  std::uint64_t arrival = 0;
  auto operator<=>(const Rank&) const = default;
};

/// Waiting requests in the order of start-time fair queueing (Goyal, Vin, Cheng 1996). An owner's next start tag exceeds the previous one
/// by that request's cost, but is never below the virtual time. The virtual time is the tag served last; in addition it advances by cost/n
/// with every request served while n owners wait, so that an endless stream of new owners cannot starve one who was served before, but by
/// at most 1 beyond the first waiting tag.
class FairQueue {
 public:
  struct Entry {
    QueuedRequest request;
    Rank rank;
  };

  /// Adds a request with a new rank. This and put_back() replace a request of the same id.
  void add(QueuedRequest request);
  /// Adds a request with its old rank.
  void put_back(Entry entry);
  /// Removes and returns the request; nullopt if there is none. `served`: it was served, which advances the virtual time.
  std::optional<Entry> take(const std::string& id, bool served);

  /// Nobody waits or is being served: forgets the service received so far.
  void rest();

  /// The first request whose model and owner pass; nullptr if there is none.
  const Entry* first(const std::function<bool(const std::string& model)>& model_passes,
                     const std::function<bool(const std::string& owner)>& owner_passes) const;

  bool has(const std::string& model) const { return by_model_.contains(model); }
  std::vector<std::string> models() const;
  const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Ids of the model's requests by rank.
  std::map<Rank, std::string> order(const std::string& model) const;

 private:
  struct OfModel {
    std::map<std::string, std::map<Rank, std::string>> by_owner;  ///< ids
    std::map<Rank, std::string> heads;                            ///< owners by the rank of their first request
  };

  void insert(Entry entry);
  /// Advances the virtual time after `entry` was served.
  void advance_time(const Entry& entry, std::size_t owners);

  std::map<std::string, Entry> entries_;
  std::map<std::string, OfModel> by_model_;
  std::map<std::string, int> count_;
  std::map<std::string, double> next_tag_;  ///< by owner; tags behind the virtual time are dropped from time to time
  double virtual_time_ = 0;
  std::size_t forget_at_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace p2p::dispatch
