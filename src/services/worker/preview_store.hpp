#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "base/heartbeat.hpp"
#include "platform/blob/blob_store.hpp"
#include "services/worker/worker_metrics.hpp"

namespace p2p::worker {

/// Stores previews on its own thread and deletes them. Nothing waits for it, and failures are only counted. Thread-safe.
class PreviewStore {
 public:
  /// Keeps the references.
  PreviewStore(blob::BlobStore& store, const WorkerMetrics& metrics, Heartbeat::Clock clock);
  /// Waits for a call in progress and for deletions.
  ~PreviewStore() = default;

  /// Whether put() stores at once: no call is in progress, and none of put() has failed within the last minute.
  bool is_free() const;
  /// Called from the other thread.
  using Done = std::function<void(bool is_stored)>;
  /// Stores the PNG, unless is_free() is false.
  void put(const std::string& key, std::string png, Done done);
  /// Deletes the object if it was put here.
  void remove(const std::string& key);

 private:
  struct Job {
    std::string key;
    std::string png;  ///< empty: delete the object
    Done done;
  };

  void run(const std::stop_token& stop);
  /// Whether the call succeeded.
  bool carry_out(const Job& job);
  bool is_free_locked() const { return jobs_.empty() && !busy_ && clock_() >= pause_until_; }

  blob::BlobStore& store_;
  const WorkerMetrics& metrics_;
  Heartbeat::Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  bool busy_ = false;
  std::chrono::steady_clock::time_point pause_until_;
  std::set<std::string> put_;  ///< keys of objects that may be in the store
  std::jthread thread_;
};

}  // namespace p2p::worker
