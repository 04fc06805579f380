#pragma once

#include <map>
#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/chat/active_requests.hpp"
#include "services/chat/outbox.hpp"

namespace p2p::chat {

/// Applies the events of Kafka to the requests. For the event loop's thread.
class EventHandler {
 public:
  /// Keeps the references.
  EventHandler(EventLoop& loop, UnitOfWork& work, Metrics& metrics, ActiveRequests& requests, Outbox& outbox)
      : loop_(loop), work_(work), metrics_(metrics), requests_(requests), outbox_(outbox) {}

  /// `positions`: where to continue after these records.
  void take(const std::vector<bus::Record>& records, const std::map<bus::TopicPartition, std::int64_t>& positions);
  /// Kafka never accepts a message of the request: it fails.
  void reject(const bus::Outgoing& message, const std::string& problem);

 private:
  void take(const messages::Event& event);
  void take_end(ActiveRequest& active);
  void end(ActiveRequest& active, Outcome::Status status);

  EventLoop& loop_;
  UnitOfWork& work_;
  Metrics& metrics_;
  ActiveRequests& requests_;
  Outbox& outbox_;
};

}  // namespace p2p::chat
