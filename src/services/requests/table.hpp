#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/recent.hpp"
#include "services/requests/ended_requests.hpp"
#include "services/requests/state.hpp"

namespace p2p::requests {

/// The requests of the last day by id, and what each owner has of them. Not thread-safe.
class Table {
 public:
  explicit Table(const EndedRequests::Limits& ended) : ended_(ended) {}

  /// The state as it stands here; one that is known already stays.
  const RequestState& add(RequestState state);
  /// Null where there is no such request.
  const RequestState* find(const std::string& id) const;
  const RequestState* find(const std::string& owner, const std::string& id) const;
  /// The newest request of the owner that came with this body; null if there is none.
  const RequestState* with_body(const std::string& owner, const std::string& digest) const;

  /// Folds the event into its request, which has to be here.
  Change apply(const messages::Event& event);
  /// Somebody asks for the request's end, which may not be known yet. Null if nothing changed.
  const RequestState* cancel(const std::string& id);
  void forget_old(Time now);

  struct Usage {
    int waiting = 0;        ///< requests that no worker has begun
    std::size_t words = 0;  ///< bytes of the prompts of those that have not ended
  };
  Usage usage_of(const std::string& owner) const;
  std::size_t all_words() const { return all_words_; }
  /// Requests that the owner was given on the (UTC) day of `time`.
  int count_of_day(const std::string& owner, Time time) const;

 private:
  using Body = std::pair<std::string, std::string>;  ///< owner, digest

  /// Counts the state, or takes it out of the count again.
  void count(const RequestState& state, int sign);

  std::map<std::string, RequestState> states_;
  EndedRequests ended_;
  std::map<std::string, Usage> usage_;
  std::size_t all_words_ = 0;
  std::map<std::pair<std::chrono::sys_days, std::string>, int> days_;
  std::map<Body, std::string> by_body_;
  Recent cancelled_early_{10'000};  ///< before their requests were known: topics are read side by side
};

}  // namespace p2p::requests
