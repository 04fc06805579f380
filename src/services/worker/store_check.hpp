#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/heartbeat.hpp"
#include "platform/blob/blob_store.hpp"

namespace p2p::worker {

/// Tests the store with a small object: at start, when a picture could not be stored, repeatedly while the test fails, and periodically
/// while no pictures are stored. Thread-safe.
class StoreCheck {
 public:
  struct Intervals {
    std::chrono::milliseconds every = std::chrono::minutes(1);  ///< while the store works and no pictures are stored
    std::chrono::milliseconds again = std::chrono::seconds(5);  ///< while the test fails
  };

  /// `key` names the test object, which is written and deleted. If the store does not permit deletion, one object remains.
  StoreCheck(blob::BlobStore& store, std::string key, Intervals intervals, Heartbeat::Clock clock);
  /// Waits for a call in progress.
  ~StoreCheck();

  void start();
  void request_stop() { thread_.request_stop(); }
  /// Waits until the first test has ended, for at most `most`.
  void wait_for_first(std::chrono::milliseconds most, const std::stop_token& stop);

  /// A picture was stored.
  void worked();
  /// A picture could not be stored: triggers a test.
  void request_test();

  /// Whether the store refuses objects of this process, which waiting does not fix.
  bool refuses() const;
  /// Why pictures cannot be stored, reported immediately if the store refuses, and after 10 s if it is unreachable. Empty if they can.
  std::string problem() const;

 private:
  void run(const std::stop_token& stop);
  void try_once();
  void remove();

  blob::BlobStore& store_;
  std::string key_;
  Intervals intervals_;
  Heartbeat::Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool tried_ = false;
  bool wanted_ = false;
  bool stored_ = false;  ///< a picture was stored since the last test
  bool refused_ = false;
  bool kept_ = false;  ///< it was logged that the store does not delete
  std::string failure_;
  std::chrono::steady_clock::time_point failing_since_;
  std::jthread thread_;
};

}  // namespace p2p::worker
