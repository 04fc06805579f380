#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/requests/state.hpp"

namespace p2p::worker {

/// What the events topic says about requests that another worker may have started: whether they ended, were handed back, or crashed it.
class Ledger {
 public:
  explicit Ledger(bus::Bus& bus) : bus_(bus) {}

  /// Reads the events from `since` to the current end; false if `stop` came first. Throws BusError.
  bool read(Time since, const std::stop_token& stop);
  /// Invalidates what was read, because partitions came from other workers.
  void outdate() { since_.reset(); }
  /// Whether the events from `since` have been read after the last outdate().
  bool covers(Time since) const { return since_ && *since_ <= since; }

  struct State {
    bool over = false;        ///< it ended, or this dispatch was handed back
    int failed_attempts = 0;  ///< how often this dispatch was started without ending
  };
  State state_of(const messages::Request& request) const;

  /// Applies one event; called by read(), and by tests.
  void take(const messages::Event& event);

 private:
  bus::Bus& bus_;
  std::optional<Time> since_;
  std::map<std::string, requests::RequestState> states_;
};

}  // namespace p2p::worker
