#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "platform/db/database.hpp"
#include "services/chat/store/chat_store.hpp"
#include "services/testing/eventually.hpp"

namespace p2p::chat {

/// A database with faults on demand, for tests. They may be asked for from any thread.
class FaultyStore : public ChatStore {
 public:
  explicit FaultyStore(std::unique_ptr<ChatStore> inner) : inner_(std::move(inner)) {}

  std::atomic<bool> fails = false;       ///< every transaction
  std::atomic<int> failing_reads = 0;    ///< so many calls of find() and day_count()
  std::atomic<bool> hangs = false;       ///< every transaction that begins
  std::atomic<bool> is_waiting = false;  ///< one hangs

  void transaction(const std::function<void()>& work) override {
    if (hangs) {
      is_waiting = true;
      p2p::testing::notify_changed();
      hangs.wait(true);
      is_waiting = false;
    }
    if (fails) {
      p2p::testing::notify_changed();
      throw db::DatabaseError("the database fails as the test demands");
    }
    inner_->transaction(work);
  }
  void hang(bool on) {
    hangs = on;
    hangs.notify_all();
  }

  std::optional<ChatRequest> find(const std::string& id) override {
    maybe_fail();
    return inner_->find(id);
  }
  int day_count(std::int64_t user, const std::string& day) override {
    maybe_fail();
    return inner_->day_count(user, day);
  }

  UpdateTable& updates() override { return inner_->updates(); }
  OutboxTable& outbox() override { return inner_->outbox(); }
  ReplyTable& replies() override { return inner_->replies(); }
  PositionTable& positions() override { return inner_->positions(); }
  ErasureTable& erasures() override { return inner_->erasures(); }
  void save(const ChatRequest& request) override { inner_->save(request); }
  std::vector<ChatRequest> unsettled() override { return inner_->unsettled(); }
  std::vector<ChatRequest> with_expired_links(Time at, int most) override { return inner_->with_expired_links(at, most); }
  int count_settled(std::int64_t user) override { return inner_->count_settled(user); }
  void forget_user(std::int64_t user) override { inner_->forget_user(user); }
  void move_chat(std::int64_t from, std::int64_t to) override { inner_->move_chat(from, to); }
  void count_day(std::int64_t user, const std::string& day) override { inner_->count_day(user, day); }
  void prune(Time before) override { inner_->prune(before); }

 private:
  void maybe_fail() {
    if (failing_reads > 0 && failing_reads-- > 0) throw db::DatabaseError("the database fails as the test demands");
  }
  std::unique_ptr<ChatStore> inner_;
};

}  // namespace p2p::chat
