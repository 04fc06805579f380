#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "services/chat/telegram/calls.hpp"
#include "services/chat/unit_of_work.hpp"

namespace p2p::chat {

/// Texts that answer messages: kept in the store until Telegram has taken them. For the event loop's thread.
class Replies {
 public:
  using ChatMoved = std::function<void(std::int64_t from, std::int64_t to)>;

  /// Keeps the references.
  Replies(EventLoop& loop, UnitOfWork& work, Calls& calls, ChatMoved chat_moved)
      : loop_(loop), work_(work), calls_(calls), chat_moved_(std::move(chat_moved)) {}

  /// Takes the replies of an earlier run.
  void load(std::vector<Reply> replies);
  /// Sends the reply, whose number is set here.
  void send(Reply reply);
  /// Begins the calls that are due.
  void deliver();
  void move_chat(std::int64_t from, std::int64_t to);
  /// Whether a call is under way.
  bool busy() const;

 private:
  struct ActiveReply {
    Reply reply;
    Attempt attempt;
  };

  void begin(ActiveReply& active);
  void finish(std::int64_t number, const Calls::Result& result);
  /// Whether the failed call is to be repeated.
  bool repeat(ActiveReply& active, const telegram::Failure& failure);

  EventLoop& loop_;
  UnitOfWork& work_;
  Calls& calls_;
  ChatMoved chat_moved_;
  std::int64_t next_number_ = 1;
  std::map<std::int64_t, ActiveReply> replies_;  ///< by number
};

}  // namespace p2p::chat
