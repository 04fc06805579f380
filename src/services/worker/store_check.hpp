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

/// Tries the store with a small object of its own: at its start, when a picture could not be stored, again and again while that fails, and
/// now and then while no picture is stored. Thread-safe.
class StoreCheck {
 public:
  struct Intervals {
    std::chrono::milliseconds every = std::chrono::minutes(1);  ///< while it works and no picture is stored
    std::chrono::milliseconds again = std::chrono::seconds(5);  ///< while it fails
  };

  /// `key` is the object's: written and deleted; a store that does not allow to delete keeps one.
  StoreCheck(blob::BlobStore& store, std::string key, Intervals intervals, Heartbeat::Clock clock);
  /// Waits for a call that is under way.
  ~StoreCheck();

  void start();
  void request_stop() { thread_.request_stop(); }
  /// Until the first try has ended, `most` at the longest.
  void wait_for_first(std::chrono::milliseconds most, const std::stop_token& stop);

  /// A picture was stored.
  void worked();
  /// A picture could not be stored: tries at once.
  void look();

  /// Whether the store answers that it takes nothing from this process, which waiting alone does not mend.
  bool refuses() const;
  /// Why pictures cannot be stored: told at once where the store refuses, after 10 s where it cannot be reached. Empty: they can.
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
  bool stored_ = false;  ///< a picture was, since the last look
  bool refused_ = false;
  bool kept_ = false;  ///< it was told that the store does not delete
  std::string failure_;
  std::chrono::steady_clock::time_point failing_since_;
  std::jthread thread_;
};

}  // namespace p2p::worker
