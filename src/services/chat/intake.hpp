#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/chat/active_requests.hpp"
#include "services/chat/conversation/conversation.hpp"
#include "services/chat/delivery.hpp"
#include "services/chat/link_buttons.hpp"
#include "services/chat/outbox.hpp"
#include "services/chat/replies.hpp"
#include "services/requests/client.hpp"

namespace p2p::chat {

/// Takes updates: looks up what the conversation needs, and carries out its actions. For the event loop's thread.
class Intake : private Lookup {
 public:
  /// Where the actions go.
  struct Parts {
    ActiveRequests& requests;
    Outbox& outbox;
    Replies& replies;
    LinkButtons& links;
    Calls& calls;
    const Delivery& delivery;
    const requests::Client& client;
  };

  /// Keeps the references.
  Intake(EventLoop& loop, UnitOfWork& work, Metrics& metrics, const BotConfig& config, const Parts& parts);

  /// False: the bot stops while the database does not work; nothing was done.
  bool take(const telegram::Update& update);
  /// Once a second.
  void tick() { conversation_.tidy(loop_.now()); }

  /// Publishes the request (again).
  void publish_accepted(const ChatRequest& request);
  void publish_cancel(const ChatRequest& request);
  void cancel(ActiveRequest& active);

 private:
  std::optional<ChatRequest> find(const std::string& id) override;
  std::vector<Listed> requests_of(std::int64_t user) override;
  int queue_length() override;
  int waiting_of(std::int64_t user) override;
  int kept_of(std::int64_t user) override;
  int day_count(std::int64_t user, const std::string& day) override;
  std::string example(Language language) override { return config_.example ? config_.example(language) : ""; }
  bool has_link(const ChatRequest& request) override;

  bool is_known(std::int64_t update_id);
  void perform(const Action& action);
  void submit(const Submit& submit);
  /// Now, but later than the request before, so that they keep their order.
  Time next_accepted();

  EventLoop& loop_;
  UnitOfWork& work_;
  Metrics& metrics_;
  const BotConfig& config_;
  Parts parts_;
  Conversation conversation_;
  std::set<std::int64_t> recent_updates_;  ///< of which some are not committed yet
  Time last_accepted_;
};

}  // namespace p2p::chat
