#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "platform/blob/blob_store.hpp"
#include "services/chat/active_requests.hpp"
#include "services/chat/bot.hpp"
#include "services/chat/outbox.hpp"
#include "services/chat/presenter/steps.hpp"
#include "services/chat/telegram/calls.hpp"
#include "services/dispatch/dispatch.hpp"

namespace p2p::chat {

/// Shows the chats what the presenter says, and settles requests of which everything is shown. For the event loop's thread.
class Delivery {
 public:
  struct Events {
    std::function<void(std::int64_t from, std::int64_t to)> chat_moved;
    std::function<void(ActiveRequest& active)> undeliverable;  ///< the chat accepts no message; called before the request is settled
  };

  /// Keeps the references.
  Delivery(EventLoop& loop, UnitOfWork& work, Metrics& metrics, Calls& calls, ActiveRequests& requests, const Outbox& outbox,
           const dispatch::Dispatch& dispatch, blob::BlobStore& store, const BotConfig& config, Events events);

  /// Begins the calls that are due.
  void deliver();
  /// Once a second.
  void tick();

  /// What the request's status text depends on.
  StatusContext status_context(const ActiveRequest& active) const;
  /// The link to the request's picture and until when it is valid; nothing where it gets none.
  std::optional<std::pair<std::string, Time>> link_of(const ChatRequest& request) const;

 private:
  void begin(Step step, ActiveRequest& active, const StatusContext& context);
  Calls::Result call(telegram::Api& api, const SentStep& sent, const ChatRequest& request);
  Calls::Result show_picture(telegram::Api& api, const SentStep& sent, const ChatRequest& request);
  void finish(const SentStep& sent, const Calls::Result& result);
  FollowUp on_failure(const SentStep& sent, const telegram::Failure& failure, ActiveRequest& active);
  void settle(ActiveRequest& active);

  EventLoop& loop_;
  UnitOfWork& work_;
  Metrics& metrics_;
  Calls& calls_;
  ActiveRequests& requests_;
  const Outbox& outbox_;
  const dispatch::Dispatch& dispatch_;
  blob::BlobStore& store_;
  const BotConfig& config_;
  Events events_;

  int pictures_under_way_ = 0;
  std::map<std::string, Time> store_reads_;  ///< under way, by request: since when
  std::optional<Time> unserved_since_;       ///< no worker serves the model
};

}  // namespace p2p::chat
