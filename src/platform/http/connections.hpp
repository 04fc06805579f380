#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "platform/http/server.hpp"

namespace p2p::http {

/// One open connection as the limits see it.
struct Seat {
  enum class Phase {
    idle,     ///< between requests
    reading,  ///< a request is arriving
    busy,     ///< the request is being handled
    sending,  ///< a response is being sent
  };
  std::string address;  ///< key of the limits: see Connections::key()
  Phase phase = Phase::idle;
  std::chrono::steady_clock::time_point since;  ///< start of the phase
  std::size_t held = 0;                         ///< buffered bytes
  bool takes_file = false;                      ///< they are the body of a route that takes files; see Connections::take_file()
  std::function<void()> close;                  ///< ends the connection; calls Connections::leave()
  std::function<void()> stop;                   ///< the server stops
};

/// Enforces the limits over all connections of a server. Not thread-safe.
class Connections {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Connections(const ServerLimits& limits) : limits_(limits) {}

  /// The part of an IP address that identifies a client: an IPv4 address, or an IPv6 /64.
  static std::string key(const std::string& address);

  /// Adds a connection. If the server is full, closes the connection that has been idle, or else reading, for longest. Returns false if
  /// there is no room.
  bool enter(Seat& seat);
  void leave(Seat& seat);
  /// Closes the connection that has been idle or reading for longest; false if there is none.
  bool close_one();

  /// Counts a request of the address; false if there were too many.
  bool may_ask(const std::string& address, Clock::time_point now);

  /// Sets the buffered bytes of `seat`. If the total is too large, closes the connections that have been reading or sending for longest.
  /// Returns false if `seat` itself must drop its bytes, because no other can. Files are counted apart from other bytes, and
  /// their connections are closed only if they have stalled.
  bool hold(Seat& seat, std::size_t bytes);
  /// From now on the bytes of `seat` count as those of files, or no longer.
  void take_file(Seat& seat, bool takes_file);
  /// The request of `seat` goes to its handler. The result, for end_handling(), is what remains counted even if the connection is closed:
  /// the bytes of a file.
  std::size_t begin_handling(Seat& seat);
  void end_handling(std::size_t bytes) { held_files_ -= bytes; }

  const std::unordered_set<Seat*>& seats() const { return seats_; }

 private:
  struct Caller {
    std::size_t connections = 0;
    double requests = 0;  ///< still permitted at `at`
    Clock::time_point at;
  };
  Caller& caller(const std::string& address, Clock::time_point now);
  /// The seat that has been longest in one of the phases. `rival`: only others that hold bytes of the same kind.
  Seat* longest(std::initializer_list<Seat::Phase> phases, std::size_t least_held, const Seat* rival) const;
  std::size_t& held_by(const Seat& seat) { return seat.takes_file ? held_files_ : held_; }
  void forget_quiet(Clock::time_point now);

  const ServerLimits limits_;
  std::unordered_set<Seat*> seats_;
  std::unordered_map<std::string, Caller> callers_;
  std::size_t held_ = 0;
  std::size_t held_files_ = 0;
};

}  // namespace p2p::http
