#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "services/requests/state.hpp"

namespace p2p::worker {

/// What the events topic says of requests that were given to another worker before: whether they ended, were handed back, or killed it.
class Ledger {
 public:
  explicit Ledger(bus::Bus& bus) : bus_(bus) {}

  /// Reads the events from `since` up to now; false if `stop` came first. Throws BusError.
  bool read(Time since, const std::stop_token& stop);
  /// What read() knows has to be read again: partitions came from other workers.
  void outdate() { since_.reset(); }
  /// Whether events from `since` on were read after the last outdate().
  bool covers(Time since) const { return since_ && *since_ <= since; }

  struct State {
    bool over = false;        ///< it ended, or this dispatch was handed back
    int failed_attempts = 0;  ///< times that this dispatch was started and then nothing more was told
  };
  State state_of(const messages::Request& request) const;

  /// For tests, and what read() does with each event.
  void take(const messages::Event& event);

 private:
  bus::Bus& bus_;
  std::optional<Time> since_;
  std::map<std::string, requests::RequestState> states_;
};

}  // namespace p2p::worker
