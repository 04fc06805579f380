#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "services/bot/state.hpp"
#include "services/testing/eventually.hpp"

namespace p2p::bot {

/// A database with faults on demand, for tests. They may be asked for from any thread.
class FaultyState : public State {
 public:
  explicit FaultyState(std::unique_ptr<State> inner) : inner_(std::move(inner)) {}

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
      throw StateError("the database fails as it was told");
    }
    inner_->transaction(work);
  }
  void hang(bool on) {
    hangs = on;
    hangs.notify_all();
  }

  std::optional<RequestRow> find(const std::string& id) override {
    maybe_fail();
    return inner_->find(id);
  }
  int day_count(std::int64_t user, const std::string& day) override {
    maybe_fail();
    return inner_->day_count(user, day);
  }

  bool has_update(std::int64_t id) override { return inner_->has_update(id); }
  void note_update(std::int64_t id) override { inner_->note_update(id); }
  void save(const RequestRow& row) override { inner_->save(row); }
  std::vector<RequestRow> unsettled() override { return inner_->unsettled(); }
  std::vector<RequestRow> with_expired_links(Time at, int most) override { return inner_->with_expired_links(at, most); }
  void move_chat(std::int64_t from, std::int64_t to) override { inner_->move_chat(from, to); }
  void add(const OutboxMessage& letter) override { inner_->add(letter); }
  void remove_from_outbox(std::int64_t number) override { inner_->remove_from_outbox(number); }
  std::vector<OutboxMessage> outbox() override { return inner_->outbox(); }
  void add(const Reply& reply) override { inner_->add(reply); }
  void remove_reply(std::int64_t number) override { inner_->remove_reply(number); }
  std::vector<Reply> replies() override { return inner_->replies(); }
  std::map<bus::TopicPartition, std::int64_t> offsets() override { return inner_->offsets(); }
  void save_offsets(const std::map<bus::TopicPartition, std::int64_t>& offsets) override { inner_->save_offsets(offsets); }
  std::string log_of(const std::string& topic) override { return inner_->log_of(topic); }
  void save_log(const std::string& topic, const std::string& log) override { inner_->save_log(topic, log); }
  int count_day(std::int64_t user, const std::string& day) override { return inner_->count_day(user, day); }
  void prune(Time before) override { inner_->prune(before); }

 private:
  void maybe_fail() {
    if (failing_reads > 0 && failing_reads-- > 0) throw StateError("the database fails as it was told");
  }
  std::unique_ptr<State> inner_;
};

}  // namespace p2p::bot
