#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/recent.hpp"
#include "services/requests/ended_requests.hpp"
#include "services/requests/state.hpp"

namespace p2p::requests {

/// The requests of the last day by id, and the usage of each owner. Not thread-safe.
class Table {
 public:
  explicit Table(const EndedRequests::Limits& ended) : ended_(ended) {}

  /// Adds the state, unless the request is known already. Returns the state in the table.
  const RequestState& add(RequestState state);
  /// nullptr if there is no such request.
  const RequestState* find(const std::string& id) const;
  const RequestState* find(const std::string& owner, const std::string& id) const;
  /// The newest request of the owner with this body; nullptr if there is none.
  const RequestState* with_body(const std::string& owner, const std::string& digest) const;

  /// Applies the event to its request, which must be in the table.
  Change apply(const messages::Event& event);
  /// Marks the request, which may be unknown yet, as being cancelled. nullptr if nothing changed.
  const RequestState* cancel(const std::string& id);
  void forget_old(Time now);

  /// The owner's request that is drawn, or else the oldest that waits. Looks through all requests.
  std::optional<std::string> current_of(const std::string& owner) const;

  struct Usage {
    int waiting = 0;        ///< requests that no worker has started
    std::size_t words = 0;  ///< bytes of the prompts of unfinished requests
  };
  Usage usage_of(const std::string& owner) const;
  std::size_t all_words() const { return all_words_; }
  /// Requests of all owners that have not ended.
  int unfinished() const { return unfinished_; }
  /// Number of the owner's requests accepted on the UTC day of `time`.
  int count_of_day(const std::string& owner, Time time) const;

 private:
  using Body = std::pair<std::string, std::string>;  ///< owner, digest

  /// Adds the state to the usage (`sign` 1), or removes it (-1).
  void count(const RequestState& state, int sign);

  std::map<std::string, RequestState> states_;
  EndedRequests ended_;
  std::map<std::string, Usage> usage_;
  std::size_t all_words_ = 0;
  int unfinished_ = 0;
  std::map<std::pair<std::chrono::sys_days, std::string>, int> days_;
  std::map<Body, std::string> by_body_;
  Recent cancelled_early_{10'000};  ///< cancelled before their requests were known, since topics are read independently
};

}  // namespace p2p::requests
