#include "services/chat/telegram/inbox.hpp"

#include <set>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/db/database.hpp"

namespace p2p::chat {
namespace {

/// Ids of updates that the bot has kept. Thread-safe.
class Kept {
 public:
  void add(std::int64_t id) {
    const std::scoped_lock lock(mutex_);
    ids_.push_back(id);
  }
  std::vector<std::int64_t> all() const {
    const std::scoped_lock lock(mutex_);
    return ids_;
  }
  void forget(std::size_t count) {
    const std::scoped_lock lock(mutex_);
    ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(count));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::int64_t> ids_;
};

}  // namespace

void take_from_inbox(UpdateInbox& inbox, Bot& bot, const std::stop_token& stop) {
  constexpr int kMostAtOnce = 200;
  constexpr std::chrono::milliseconds kLookEvery{50};
  constexpr std::chrono::seconds kPauseAfterError{1};
  const auto kept = std::make_shared<Kept>();  // outlives a stop
  std::set<std::int64_t> given;                // and not removed
  std::chrono::milliseconds wait(0);
  while (pause(wait, stop)) {
    try {
      const std::vector<std::int64_t> done = kept->all();
      inbox.remove(done);
      kept->forget(done.size());
      for (const std::int64_t id : done) given.erase(id);
      for (const UpdateInbox::Update& update : inbox.oldest(kMostAtOnce)) {
        if (!given.insert(update.id).second) continue;
        const auto json = telegram::parse_update(update.json);
        const auto keep = [kept, id = update.id] { kept->add(id); };
        json ? bot.take(*json, keep) : keep();
      }
      wait = kLookEvery;
    } catch (const Error& error) {
      log::warn("the inbox of updates cannot be read; trying again", {{"error", error.what()}});
      wait = kPauseAfterError;
    }
  }
}

}  // namespace p2p::chat
