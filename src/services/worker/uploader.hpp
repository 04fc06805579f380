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
    std::function<bool()> wanted;                          ///< asked before each try, from another thread; one that is not is forgotten
    std::function<void(const std::string& problem)> done;  ///< called once, from another thread; empty: all are stored
  };

  /// Tells `check` what works and what does not. Keeps the references.
  Uploader(blob::BlobStore& store, StoreCheck& check, Limits limits);
  /// Waits for what is being stored; what still repeats ends unstored, without `done`.
  ~Uploader();

  /// False if `stop` came while there was no room.
  bool add(Job job, const std::stop_token& stop);
  /// Why pictures that wait cannot be stored, where that has been so for 10 s; else empty.
  std::string problem() const;

 private:
  void work(const std::stop_token& stop);
  /// The problem, once hope is gone; nothing if it is not wanted any more, or asked to stop before.
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
