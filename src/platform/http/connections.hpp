#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "platform/http/server.hpp"

namespace p2p::http {

/// What one open connection takes of its server.
struct Seat {
  enum class Phase {
    idle,     ///< between requests
    reading,  ///< a request is on its way
    busy,     ///< a handler has it, or it waits
    sending,  ///< an answer is on its way
  };
  std::string address;  ///< of the limits: see Connections::key()
  Phase phase = Phase::idle;
  std::chrono::steady_clock::time_point since;  ///< of the phase
  std::size_t held = 0;                         ///< bytes of memory
  std::function<void()> close;                  ///< ends the connection; calls Connections::leave()
  std::function<void()> stop;                   ///< the server stops
};

/// Keeps the limits over all connections of a server. Of one thread.
class Connections {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Connections(const ServerLimits& limits) : limits_(limits) {}

  /// The part of an IP address that one caller has: an IPv4 address, or an IPv6 /64.
  static std::string key(const std::string& address);

  /// Takes one more. Where all places are taken, closes the connection that has been idle, or else reading, longest. False: there is no
  /// room for it; it was not taken.
  bool enter(Seat& seat);
  void leave(Seat& seat);
  /// Closes the connection that has been idle or reading longest; false: there is none.
  bool close_one();

  /// Counts a request of the address. False: there were too many.
  bool may_ask(const std::string& address, Clock::time_point now);

  /// `seat` now holds so many bytes. Where all hold too many, closes those that have been reading or sending longest. False: `seat` has to
  /// let go of its bytes, as no other can.
  bool hold(Seat& seat, std::size_t bytes);

  const std::unordered_set<Seat*>& seats() const { return seats_; }

 private:
  struct Caller {
    std::size_t connections = 0;
    double requests = 0;  ///< that it may still make at `at`
    Clock::time_point at;
  };
  Caller& caller(const std::string& address, Clock::time_point now);
  Seat* longest(std::initializer_list<Seat::Phase> phases, std::size_t least_held, const Seat* but) const;
  void forget_quiet(Clock::time_point now);

  const ServerLimits limits_;
  std::unordered_set<Seat*> seats_;
  std::unordered_map<std::string, Caller> callers_;
  std::size_t held_ = 0;
};

}  // namespace p2p::http
