#include "services/testing/eventually.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace p2p::testing {
namespace {

std::mutex mutex;
std::condition_variable changed;
std::uint64_t changes = 0;

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::unique_lock lock(mutex);
  for (;;) {
    const std::uint64_t seen = changes;
    lock.unlock();
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    lock.lock();
    changed.wait_until(lock, deadline, [&] { return changes != seen; });
  }
}

void notify_changed() {
  const std::scoped_lock lock(mutex);
  ++changes;
  changed.notify_all();
}

}  // namespace p2p::testing
