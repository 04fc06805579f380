#pragma once

#include <map>
#include <string>

#include "services/chat/active_requests.hpp"
#include "services/chat/delivery.hpp"
#include "services/chat/telegram/calls.hpp"
#include "services/chat/unit_of_work.hpp"

namespace p2p::chat {

/// Replaces links that have expired by a button for a new one, and puts a new link when the button is pressed. A crash loses the edits:
/// links are found to have expired again, and people press again. For the event loop's thread.
class LinkButtons {
 public:
  /// Keeps the references.
  LinkButtons(EventLoop& loop, UnitOfWork& work, Calls& calls, ActiveRequests& requests, const Delivery& delivery)
      : loop_(loop), work_(work), calls_(calls), requests_(requests), delivery_(delivery) {}

  /// Looks for links that have expired.
  void expire();
  /// Puts a new link below the picture in that message.
  void renew(const ChatRequest& request, std::int64_t message);
  /// Begins the calls that are due.
  void deliver();

 private:
  struct Edit {
    ChatRequest request;
    std::int64_t message = 0;
    bool renew = false;
    Attempt attempt;
  };

  void begin(Edit& edit);
  void finish(const std::string& id, std::optional<Time> link_until, const Calls::Result& result);
  void keep(ChatRequest request, std::optional<Time> link_until);

  EventLoop& loop_;
  UnitOfWork& work_;
  Calls& calls_;
  ActiveRequests& requests_;
  const Delivery& delivery_;
  std::map<std::string, Edit> edits_;  ///< by request
};

}  // namespace p2p::chat
