#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "platform/blob/blob_store.hpp"

namespace p2p::worker {

/// Stores pictures on threads of its own, a few at once, each until it is stored or hope is gone.
class Uploader {
 public:
  struct Limits {
    int at_once = 4;
    std::size_t waiting = 16;                                          ///< pictures that wait at most; add() blocks beyond
    std::chrono::milliseconds unavailable = std::chrono::minutes(15);  ///< given up after so long
    std::chrono::milliseconds refused = std::chrono::minutes(1);
    std::chrono::milliseconds longest_pause = std::chrono::seconds(5);
  };
  struct Object {
    std::string key;
    std::string png;
  };
  /// The pictures of one request.
  struct Job {
    std::vector<Object> objects;
    std::function<void(const std::string& problem)> done;  ///< called once, from another thread; empty: all are stored
  };

  Uploader(blob::BlobStore& store, Limits limits);
  /// Waits for what is being stored; what still repeats ends unstored, without `done`.
  ~Uploader();

  /// False if `stop` came while there was no room.
  bool add(Job job, const std::stop_token& stop);
  /// Seconds for which the store has been failing; 0 while it works.
  double failing_for() const;

 private:
  void work(const std::stop_token& stop);
  /// The problem, once hope is gone; nothing if asked to stop before.
  std::optional<std::string> store(const Job& job, const std::stop_token& stop);

  blob::BlobStore& store_;
  Limits limits_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  std::atomic<std::int64_t> failing_since_ = 0;  ///< ms; 0: it works
  std::vector<std::jthread> threads_;
};

}  // namespace p2p::worker
