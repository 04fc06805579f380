#include "services/worker/store_check.hpp"

#include <utility>

#include "base/log.hpp"

namespace p2p::worker {

using blob::BlobError;

StoreCheck::StoreCheck(blob::BlobStore& store, std::string key, Intervals intervals, Heartbeat::Clock clock)
    : store_(store), key_(std::move(key)), intervals_(intervals), clock_(std::move(clock)) {}

StoreCheck::~StoreCheck() { thread_ = {}; }

void StoreCheck::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void StoreCheck::wait_for_first(std::chrono::milliseconds most, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, most, [&] { return tried_; });
}

void StoreCheck::worked() {
  const std::scoped_lock lock(mutex_);
  stored_ = true;
  refused_ = false;
  failure_.clear();
}

void StoreCheck::request_test() {
  const std::scoped_lock lock(mutex_);
  if (!failure_.empty()) return;  // the next test comes soon anyway
  wanted_ = true;
  changed_.notify_all();
}

bool StoreCheck::refuses() const {
  const std::scoped_lock lock(mutex_);
  return refused_;
}

std::string StoreCheck::problem() const {
  constexpr std::chrono::seconds kShort{10};
  const std::scoped_lock lock(mutex_);
  return refused_ || clock_() - failing_since_ > kShort ? failure_ : "";
}

void StoreCheck::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try_once();
    std::unique_lock lock(mutex_);
    do {
      stored_ = false;
      changed_.wait_for(lock, stop, failure_.empty() ? intervals_.every : intervals_.again, [&] { return wanted_; });
    } while (stored_ && !wanted_ && !stop.stop_requested());
    wanted_ = false;
  }
}

void StoreCheck::try_once() {
  std::string failure;
  bool refused = false;
  try {
    store_.put(key_, "prompt2pic", "text/plain");
    remove();
  } catch (const BlobError& error) {
    failure = error.what();
    refused = error.kind() != BlobError::Kind::unavailable;
  }
  const std::scoped_lock lock(mutex_);
  if (failure.empty() != failure_.empty())
    log::write(failure.empty() ? log::Level::info : log::Level::warn, failure.empty() ? "the store works" : "the store does not work",
               {{"error", failure}});
  if (failure_.empty()) failing_since_ = clock_();
  failure_ = std::move(failure);
  refused_ = refused;
  tried_ = true;
  changed_.notify_all();
}

void StoreCheck::remove() {
  try {
    store_.remove(key_);
  } catch (const BlobError& error) {
    if (!std::exchange(kept_, true)) log::info("the store does not delete its test object", {{"error", error.what()}});
  }
}

}  // namespace p2p::worker
