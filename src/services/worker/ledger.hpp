#pragma once

#include <map>
#include <optional>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::worker {

/// What the events topic says of requests that were given to another worker before: whether they ended, were handed back, or killed it.
class Ledger {
 public:
  explicit Ledger(bus::Bus& bus) : bus_(bus) {}

  /// Reads the events from `since` up to now. Throws BusError.
  void read(Time since);
  /// What read() knows has to be read again: partitions came from other workers.
  void outdate() { since_.reset(); }
  /// Whether events from `since` on were read after the last outdate().
  bool covers(Time since) const { return since_ && *since_ <= since; }

  struct State {
    bool over = false;  ///< it ended, or this dispatch was handed back
    int strikes = 0;    ///< times that this dispatch was started and then nothing more was told
  };
  State state_of(const messages::Request& request) const;

  /// For tests, and what read() does with each event.
  void take(const messages::Event& event);

 private:
  struct Story {
    bool ended = false;
    int handed_back = 0;         ///< the highest dispatch that was
    std::map<int, int> started;  ///< by dispatch
  };

  bus::Bus& bus_;
  std::optional<Time> since_;
  std::map<std::string, Story> stories_;
};

}  // namespace p2p::worker
