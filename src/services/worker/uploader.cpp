#include "services/worker/uploader.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace p2p::worker {

Uploader::Uploader(blob::BlobStore& store, StoreCheck& check, Limits limits) : store_(store), check_(check), limits_(limits) {
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

std::string Uploader::problem() const {
  const std::scoped_lock lock(mutex_);
  return failing_since_ && std::chrono::steady_clock::now() - *failing_since_ > std::chrono::seconds(10) ? failure_ : "";
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
  const auto start = std::chrono::steady_clock::now();
  auto pause = std::min(std::chrono::milliseconds(200), limits_.longest_pause);
  std::unique_lock lock(mutex_);
  for (auto object = job.objects.begin(); !stop.stop_requested();) {
    lock.unlock();
    std::optional<std::string> result;
    std::string failure;
    if (!job.wanted()) {
      lock.lock();
      failing_since_.reset();
      return std::nullopt;
    }
    try {
      for (; object != job.objects.end(); ++object) store_.put(object->key, object->bytes, blob::media_type_of(object->key));
      check_.worked();
      result = "";
    } catch (const blob::BlobError& error) {
      check_.request_test();
      failure = error.what();
      const auto patience = error.kind() == blob::BlobError::Kind::unavailable ? limits_.unavailable : limits_.refused;
      if (std::chrono::steady_clock::now() - start >= patience) result = failure;
    }
    lock.lock();
    if (result) {
      failing_since_.reset();
      return result;
    }
    failure_ = failure;
    if (!failing_since_) {
      failing_since_ = start;
      log::warn("pictures cannot be stored", {{"error", failure}});
    }
    changed_.wait_for(lock, stop, pause, [] { return false; });
    pause = std::min(pause * 2, limits_.longest_pause);
  }
  return std::nullopt;
}

}  // namespace p2p::worker
