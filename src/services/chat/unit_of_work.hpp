#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <vector>

#include "platform/metrics/metrics.hpp"
#include "services/chat/event_loop.hpp"
#include "services/chat/store/chat_store.hpp"

namespace p2p::chat {

/// Collects what the turns of the event loop write, commits it in one transaction, and only then runs the side effects, so that nothing is
/// sent that a crash could undo. Turns without side effects share a transaction with those that follow soon. A transaction that fails is
/// repeated until it works. For the event loop's thread, except works().
class UnitOfWork {
 public:
  /// Keeps the references.
  UnitOfWork(ChatStore& store, EventLoop& loop, Metrics& metrics)
      : store_(store),
        loop_(loop),
        retries_(metrics.counter("prompt2pic_database_retries_total", "Transactions that had to be repeated.")) {}

  /// From then on read() and commit() give up once `stop` is requested.
  void set_stop(const std::stop_token& stop) { stop_ = stop; }

  /// Writes `work` with the next commit, before any effect.
  void write(std::function<void(ChatStore&)> work);
  void save(const ChatRequest& request) {
    write([request](ChatStore& store) { store.save(request); });
  }
  /// Runs `effect` after the next commit.
  void after(std::function<void()> effect) { effects_.push_back(std::move(effect)); }

  using Read = std::function<void(ChatStore&)>;
  /// Reads what is written, including what write() collected. False if the database does not work: then `work` may have run in part.
  [[nodiscard]] bool try_read(const Read& work);
  /// Repeats try_read() until it works. Throws Cancelled if the stop comes first.
  void read(const Read& work);
  /// As read(), without what write() collected.
  void read_committed(const Read& work);

  /// Commits and runs the effects; with no effects and not `at_once`, waits some turns for more writes. If the stop comes before the
  /// database works, the writes and effects stay for the next call.
  void commit(bool at_once);

  /// Whether the last transactions worked. Thread-safe.
  bool works() const { return reads_work_ && writes_work_; }

 private:
  bool transact(const std::function<void()>& work, std::atomic<bool>& works);
  void repeat(const std::function<bool()>& attempt);

  ChatStore& store_;
  EventLoop& loop_;
  const Counter retries_;
  std::stop_token stop_;
  std::vector<std::function<void(ChatStore&)>> writes_;
  Time writes_since_;
  std::vector<std::function<void()>> effects_;
  std::atomic<bool> reads_work_ = true;
  std::atomic<bool> writes_work_ = true;
};

}  // namespace p2p::chat
