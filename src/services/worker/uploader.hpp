#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "platform/blob/blob_store.hpp"
#include "services/worker/store_check.hpp"

namespace p2p::worker {

/// Stores pictures on its own threads, a few in parallel, and retries until a limit.
class Uploader {
 public:
  struct Limits {
    int at_once = 4;
    std::size_t waiting = 16;                                          ///< maximum number of waiting jobs; beyond, add() blocks
    std::chrono::milliseconds unavailable = std::chrono::minutes(15);  ///< how long to retry
    std::chrono::milliseconds refused = std::chrono::minutes(1);
    std::chrono::milliseconds longest_pause = std::chrono::seconds(5);
  };
  struct Object {
    std::string key;
    std::string bytes;
  };
  /// The pictures of one request.
  struct Job {
    std::vector<Object> objects;
    std::function<bool()> wanted;                          ///< called before each attempt, from another thread; false drops the job
    std::function<void(const std::string& problem)> done;  ///< called once, from another thread; empty: all objects are stored
  };

  /// Reports success and failure to `check`. Keeps the references.
  Uploader(blob::BlobStore& store, StoreCheck& check, Limits limits);
  /// Waits for calls in progress; jobs that are being retried are dropped without calling `done`.
  ~Uploader();

  /// Waits for room; false if `stop` came first.
  bool add(Job job, const std::stop_token& stop);
  /// Why pictures cannot be stored, if that has lasted for 10 s; otherwise empty.
  std::string problem() const;

 private:
  void work(const std::stop_token& stop);
  /// The result for `done`; nullopt if the job is no longer wanted or `stop` came first.
  std::optional<std::string> store(const Job& job, const std::stop_token& stop);

  blob::BlobStore& store_;
  StoreCheck& check_;
  Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  std::optional<std::chrono::steady_clock::time_point> failing_since_;
  std::string failure_;
  std::vector<std::jthread> threads_;
};

}  // namespace p2p::worker
