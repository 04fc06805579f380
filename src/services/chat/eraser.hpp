#pragma once

#include <string>
#include <vector>

#include "platform/blob/blob_store.hpp"
#include "services/chat/telegram/call_pool.hpp"
#include "services/chat/unit_of_work.hpp"

namespace p2p::chat {

/// Deletes the pictures of users who asked for it, on a thread of its own, until the store has deleted them. For the event loop's thread.
class Eraser {
 public:
  /// Keeps the references.
  Eraser(EventLoop& loop, UnitOfWork& work, blob::BlobStore& store) : loop_(loop), work_(work), store_(store) {}

  /// Begins with what there is to delete. Once a second.
  void tick();

 private:
  void erase(const std::vector<std::string>& keys);

  EventLoop& loop_;
  UnitOfWork& work_;
  blob::BlobStore& store_;
  bool is_busy_ = false;
  Time not_before_;
  CallPool thread_{1};  ///< the last member: its call ends first
};

}  // namespace p2p::chat
