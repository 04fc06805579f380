#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/dispatch/dispatcher.hpp"

namespace p2p::dispatch {

/// Where a request stands: by start tag, then by arrival.
struct Rank {
  double tag = 0;
  std::uint64_t arrival = 0;
  auto operator<=>(const Rank&) const = default;
};

/// What waits, in the order of start-time fair queueing (Goyal, Vin, Cheng 1996): a owner's next tag is above the last by that request's
/// cost, but never below the virtual time. That is the tag served last, and besides passes by cost/n with every request served while n
/// owners wait, so that new owners without end do not keep back one who was served before; but not by more than 1 beyond who waits longest.
class FairQueue {
 public:
  struct Entry {
    QueuedRequest request;
    Rank rank;
  };

  /// Ranks it anew. This and the next: in the place of one of the same id.
  void add(QueuedRequest request);
  /// At the rank that it had.
  void put_back(Entry entry);
  /// Takes it out; nothing if it is not here. `served`: it was its turn, so that later tags start from here.
  std::optional<Entry> take(const std::string& id, bool served);

  /// Nobody waits or is served: what each was given so far no longer counts.
  void rest();

  /// The first request, in order, of a owner and for a model that pass; null if none does.
  const Entry* first(const std::function<bool(const std::string& model)>& model_passes,
                     const std::function<bool(const std::string& owner)>& owner_passes) const;

  bool has(const std::string& model) const { return by_model_.contains(model); }
  std::vector<std::string> models() const;
  int count_of(const std::string& owner) const;
  const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Ids of the model's requests by rank.
  std::map<Rank, std::string> order(const std::string& model) const;

 private:
  struct OfModel {
    std::map<std::string, std::map<Rank, std::string>> by_owner;  ///< ids
    std::map<Rank, std::string> heads;                            ///< each owner's first: owners
  };

  void insert(Entry entry);
  /// Of a request that was served.
  void pass_time(const Entry& entry, std::size_t owners);

  std::map<std::string, Entry> entries_;
  std::map<std::string, OfModel> by_model_;
  std::map<std::string, int> count_;
  std::map<std::string, double> next_tag_;  ///< by owner; those behind the virtual time are forgotten from time to time
  double virtual_time_ = 0;
  std::size_t forget_at_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace p2p::dispatch
