#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/routing/router.hpp"

namespace p2p::routing {

/// Where a request stands: by start tag, then by arrival.
struct Rank {
  double tag = 0;
  std::uint64_t arrival = 0;
  auto operator<=>(const Rank&) const = default;
};

/// What waits, in the order of start-time fair queueing (Goyal, Vin, Cheng 1996) with every request of cost 1: a user's next tag is one
/// above the last, but never below the virtual time. That is the tag served last, and besides passes by 1/n with every request served while
/// n users wait, so that new users without end do not keep back one who was served before.
class FairQueue {
 public:
  struct Entry {
    Waiting request;
    Rank rank;
  };

  /// Ranks it anew.
  void add(Waiting request);
  /// At the rank that it had.
  void put_back(Entry entry);
  /// Takes it out; nothing if it is not here. `served`: it was its turn, so that later tags start from here.
  std::optional<Entry> take(const std::string& id, bool served);

  /// The first request, in order, of a user and for a model that pass; null if none does.
  const Entry* first(const std::function<bool(const std::string& model)>& model_passes,
                     const std::function<bool(const std::string& user)>& user_passes) const;

  bool has(const std::string& model) const { return by_model_.contains(model); }
  std::vector<std::string> models() const;
  int count_of(const std::string& user) const;
  const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Ids of the model's requests by rank.
  std::map<Rank, std::string> order(const std::string& model) const;

 private:
  struct OfModel {
    std::map<std::string, std::map<Rank, std::string>> by_user;  ///< ids
    std::map<Rank, std::string> heads;                           ///< each user's first: users
  };

  void insert(Entry entry);

  std::map<std::string, Entry> entries_;
  std::map<std::string, OfModel> by_model_;
  std::map<std::string, int> count_;
  std::map<std::string, double> next_tag_;  ///< by user; those behind the virtual time are forgotten from time to time
  double virtual_time_ = 0;
  std::size_t forget_at_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace p2p::routing
