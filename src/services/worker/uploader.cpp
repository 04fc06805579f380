#include "services/worker/uploader.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace p2p::worker {

Uploader::Uploader(blob::BlobStore& store, Limits limits) : store_(store), limits_(limits) {
  for (int i = 0; i < limits_.at_once; ++i) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

Uploader::~Uploader() {
  for (auto& thread : threads_) thread.request_stop();
}

bool Uploader::add(Job job, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return jobs_.size() < limits_.waiting; })) return false;
  jobs_.push_back(std::move(job));
  changed_.notify_all();
  return true;
}

double Uploader::failing_for() const {
  const std::int64_t since = failing_since_;
  return since == 0 ? 0 : static_cast<double>(to_millis(now()) - since) / 1000;
}

void Uploader::work(const std::stop_token& stop) {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !jobs_.empty(); })) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    changed_.notify_all();
    if (const auto problem = store(job, stop)) job.done(*problem);
  }
}

std::optional<std::string> Uploader::store(const Job& job, const std::stop_token& stop) {
  const Time start = now();
  std::chrono::milliseconds pause(200);
  for (auto object = job.objects.begin();;) {
    try {
      for (; object != job.objects.end(); ++object) store_.put(object->key, object->png, "image/png");
      failing_since_ = 0;
      return "";
    } catch (const blob::BlobError& error) {
      std::int64_t none = 0;
      if (failing_since_.compare_exchange_strong(none, to_millis(start))) log::warn("pictures cannot be stored", {{"error", error.what()}});
      const auto patience = error.kind() == blob::BlobError::Kind::unavailable ? limits_.unavailable : limits_.refused;
      if (now() - start >= patience) return error.what();
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, pause, [] { return false; });
    if (stop.stop_requested()) return std::nullopt;
    pause = std::min(pause * 2, limits_.longest_pause);
  }
}

}  // namespace p2p::worker
