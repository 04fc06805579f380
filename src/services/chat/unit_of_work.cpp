#include "services/chat/unit_of_work.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/db/database.hpp"

namespace p2p::chat {
namespace {

constexpr std::chrono::milliseconds kCommitWithin{15};
constexpr std::chrono::milliseconds kRetryAfter{300};

}  // namespace

void UnitOfWork::write(std::function<void(ChatStore&)> work) {
  if (writes_.empty()) writes_since_ = loop_.now();
  writes_.push_back(std::move(work));
}

bool UnitOfWork::try_read(const Read& work) {
  const auto all = [&] {
    for (const auto& write : writes_) write(store_);
    work(store_);
  };
  if (!transact(all, writes_.empty() ? reads_work_ : writes_work_)) return false;
  writes_.clear();
  return true;
}

void UnitOfWork::read(const Read& work) {
  repeat([&] { return try_read(work); });
}

void UnitOfWork::read_committed(const Read& work) {
  repeat([&] { return transact([&] { work(store_); }, reads_work_); });
}

void UnitOfWork::commit(bool at_once) {
  if (writes_.empty() && effects_.empty()) return;
  if (effects_.empty() && !at_once && std::chrono::abs(loop_.now() - writes_since_) < kCommitWithin)
    return loop_.wake_at(writes_since_ + kCommitWithin);
  try {
    if (!writes_.empty()) read([](ChatStore&) {});
  } catch (const Cancelled&) {
    return;
  }
  for (const auto& effect : std::exchange(effects_, {})) effect();
}

bool UnitOfWork::transact(const std::function<void()>& work, std::atomic<bool>& works) {
  try {
    store_.transaction(work);
    if (!works.exchange(true)) log::info("the database works again");
    return true;
  } catch (const db::DatabaseError& error) {
    retries_.add();
    if (works.exchange(false)) log::error("the database does not work; nothing is lost, it is tried again", {{"error", error.what()}});
    return false;
  }
}

void UnitOfWork::repeat(const std::function<bool()>& attempt) {
  while (!attempt()) {
    loop_.turns().stamp();
    if (!pause(kRetryAfter, stop_)) throw Cancelled();
  }
}

}  // namespace p2p::chat
