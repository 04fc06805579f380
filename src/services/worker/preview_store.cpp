#include "services/worker/preview_store.hpp"

#include "base/log.hpp"

namespace p2p::worker {
namespace {

constexpr std::chrono::minutes kPauseAfterFailure{1};

}  // namespace

PreviewStore::PreviewStore(blob::BlobStore& store, const WorkerMetrics& metrics, Heartbeat::Clock clock)
    : store_(store), metrics_(metrics), clock_(std::move(clock)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

bool PreviewStore::is_free() const {
  const std::scoped_lock lock(mutex_);
  return is_free_locked();
}

void PreviewStore::put(const std::string& key, std::string png, Done done) {
  const std::scoped_lock lock(mutex_);
  if (!is_free_locked()) return;
  put_.insert(key);
  jobs_.push_back({key, std::move(png), std::move(done)});
  changed_.notify_all();
}

void PreviewStore::remove(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  if (put_.erase(key) == 0) return;
  jobs_.push_back({.key = key, .png = {}, .done = [](bool) {}});
  changed_.notify_all();
}

void PreviewStore::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !jobs_.empty(); })) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    const bool is_put = !job.png.empty();
    const bool has_worked = carry_out(job);
    if (!has_worked || is_put) (has_worked ? metrics_.previews_stored : metrics_.previews_failed).add();
    lock.lock();
    busy_ = false;
    if (is_put && !has_worked) pause_until_ = clock_() + kPauseAfterFailure;
    lock.unlock();
    job.done(has_worked);
    lock.lock();
  }
}

bool PreviewStore::carry_out(const Job& job) {
  try {
    job.png.empty() ? store_.remove(job.key) : store_.put(job.key, job.png, "image/png");
    return true;
  } catch (const std::exception& error) {
    log::debug("a preview could not be stored or deleted", {{"key", job.key}, {"error", error.what()}});
    return false;
  }
}

}  // namespace p2p::worker
