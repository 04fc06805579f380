#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "platform/bus/bus.hpp"
#include "services/chat/event_handler.hpp"
#include "services/chat/event_loop.hpp"
#include "services/chat/unit_of_work.hpp"

namespace p2p::chat {

/// Follows the topic of events on a thread of its own, from where the store says, and posts what it reads to the event loop.
class EventReader {
 public:
  /// Keeps the references. `new_log`: called in the event loop when the topic was made anew, so that what stood in it is gone.
  EventReader(bus::Bus& bus, EventLoop& loop, UnitOfWork& work, EventHandler& handler, Outbox& outbox, const Heartbeat::Clock& clock,
              std::function<void()> new_log)
      : bus_(bus), loop_(loop), work_(work), handler_(handler), outbox_(outbox), reads_(clock), new_log_(std::move(new_log)) {}

  void run(const std::stop_token& stop);

  /// Whether the last read worked. Thread-safe.
  bool works() const { return works_; }
  /// Stamped at each read. Thread-safe.
  const Heartbeat& reads() const { return reads_; }

 private:
  /// nullptr: the stop came first.
  std::unique_ptr<bus::LogReader> open(const std::stop_token& stop);
  /// Where the store says to continue; nothing if the stop came first.
  std::optional<bus::StartAt> position(const std::stop_token& stop);

  bus::Bus& bus_;
  EventLoop& loop_;
  UnitOfWork& work_;
  EventHandler& handler_;
  Outbox& outbox_;
  Heartbeat reads_;
  std::function<void()> new_log_;
  std::atomic<bool> works_ = false;
};

}  // namespace p2p::chat
