#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "platform/bus/bus.hpp"
#include "services/dispatch/shared_queue.hpp"
#include "services/requests/client.hpp"

namespace p2p::dispatch {

/// Publishes what the leader decides: requests for workers, control messages, and the ends of requests that no worker holds. Only the
/// leader may call it, one thread at a time, except send_cancel(), end() and flush(), which are thread-safe.
class Sender {
 public:
  using RequestState = requests::RequestState;

  /// Keeps the references.
  Sender(bus::Bus& bus, const requests::Client& requests, SharedQueue& queue)
      : requests_(requests), queue_(queue), producer_(bus.producer(kExpiry)) {}

  /// Whether this process leads from now on: what expires is sent again only then. Thread-safe.
  void lead(bool leads) { leads_ = leads; }

  /// Sends what the queue has for workers, and asks back what another worker could begin.
  void send_next(Time now);
  /// The model's topic was re-created, so its messages are lost.
  void send_again(const std::string& model);
  /// A worker that started after the cancel was sent may have missed it.
  void send_cancel(const RequestState& state) { send_control(state, messages::Control::Type::cancel, 0); }
  /// Ends a request that no worker holds.
  void end(const std::string& id, messages::Event::What how);

  /// The last message for a request in its model's topic.
  struct SentTo {
    int dispatch = 0;
    int partition = 0;
  };
  /// Corrects the queue's state of a request that has not started: whether it waits or was sent, according to the topics.
  void reconcile(const RequestState& state, const std::map<std::string, SentTo>& sent);
  /// Forgets requests that ended.
  void tidy();

  void flush(std::chrono::milliseconds timeout) { producer_->flush(timeout); }

 private:
  /// The session of a member of Kafka's groups ends 6 s after it was suspended at the earliest. A leader that goes on later finds its
  /// messages expired, so it sends nothing that its successor may have sent to another worker.
  static constexpr std::chrono::milliseconds kExpiry{4'500};

  void send(const std::string& id, int partition);
  /// Sends the message again when it expires, to the same partition, as long as this process leads. `failed`: other problems.
  void publish(const bus::Outgoing& message, const std::function<void(const std::string& problem)>& failed);
  void send_control(const RequestState& state, messages::Control::Type type, int dispatch);
  /// The number of the request's next or latest dispatch.
  int dispatch_of(const RequestState& state) const;

  const requests::Client& requests_;
  SharedQueue& queue_;
  std::atomic<bool> leads_ = false;
  std::map<std::string, int> dispatches_;    ///< by id: raised numbers of requests that were sent again without a handed_back event
  std::unique_ptr<bus::Producer> producer_;  ///< last member: calls back until it is destroyed
};

}  // namespace p2p::dispatch
