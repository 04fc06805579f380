#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "platform/bus/bus.hpp"
#include "services/chat/event_loop.hpp"
#include "services/chat/unit_of_work.hpp"

namespace p2p::chat {

/// Messages for Kafka. Each is committed to the store, then sent, and repeated until Kafka has stored it. For the event loop's thread.
class Outbox {
 public:
  /// What Kafka never accepts, and why.
  using Rejected = std::function<void(const bus::Outgoing& message, const std::string& problem)>;

  /// Keeps the references.
  Outbox(bus::Bus& bus, EventLoop& loop, UnitOfWork& work, Rejected rejected)
      : loop_(loop), work_(work), rejected_(std::move(rejected)), producer_(bus.producer()) {}

  /// Takes the messages of an earlier run, which may have been sent. They are held until send_unconfirmed().
  void load(std::vector<OutboxMessage> messages);
  /// The record stands in Kafka: the held message that it is of is not sent again.
  void confirm(const bus::Record& record);
  void send_unconfirmed();

  void send(bus::Outgoing message);
  /// From now on messages go out: where the reading of events begins has been committed, so no event about them will be missed.
  void open() { open_ = true; }
  /// Repeats what is due.
  void resend();

  std::size_t undelivered() const { return undelivered_.size(); }
  /// Since when the oldest message waits to be stored.
  std::optional<Time> oldest() const;
  /// Waits until Kafka has stored everything; the confirmations come as inputs of the loop.
  void flush(std::chrono::milliseconds timeout) { producer_->flush(timeout); }

 private:
  void transmit(const OutboxMessage& message);
  void remove(std::int64_t number);

  EventLoop& loop_;
  UnitOfWork& work_;
  Rejected rejected_;
  bool open_ = false;
  std::int64_t next_number_ = 1;
  std::map<std::int64_t, OutboxMessage> unconfirmed_;  ///< of an earlier run
  std::map<std::int64_t, Time> undelivered_;           ///< since when
  std::multimap<Time, OutboxMessage> to_resend_;
  std::unique_ptr<bus::Producer> producer_;  ///< the last member: it calls back until it ends
};

}  // namespace p2p::chat
