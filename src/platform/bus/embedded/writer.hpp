#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/bus/embedded/catalogue.hpp"
#include "platform/bus/embedded/reports.hpp"
#include "platform/bus/embedded/signals.hpp"
#include "platform/bus/embedded/store.hpp"

namespace p2p::bus::embedded {

/// A message to be stored.
struct Pending {
  Outgoing message;
  Producer::Delivered delivered;
  std::shared_ptr<Reports> reports;
  std::chrono::steady_clock::time_point sent;
};

/// Stores what all producers and members have queued meanwhile in one transaction after the other, on a thread of its own. If that fails
/// (disk full, file locked), it is tried again until it succeeds. Thread-safe.
class Writer {
 public:
  /// Keeps the references. `wait_for_topic`: how long messages wait for a missing topic.
  Writer(Store& store, Catalogue& catalogue, Signals& signals, std::chrono::milliseconds wait_for_topic);
  /// Stores what is queued, but does not retry.
  ~Writer();

  void add(Pending pending);
  /// Stores the group's offset of the partition (its id) within 200 ms.
  void commit(const std::string& group, std::int64_t partition, std::int64_t next);
  /// Waits until all offsets are stored; false on timeout.
  bool sync(std::chrono::milliseconds timeout);
  /// Must be called after topics or partitions were added.
  void topics_changed();

 private:
  using Steady = std::chrono::steady_clock;
  class Batch;

  void run(const std::stop_token& stop);
  /// Waits until there is something to do.
  void wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  /// Sorts the messages into those to be stored now, those whose topic is missing, and those that have waited too long for it.
  void sort(std::vector<Pending> taken, bool retry, Batch& batch);
  /// False if `stop` came before it succeeded.
  bool store(Batch& batch, const std::stop_token& stop);

  Store& store_;
  Catalogue& catalogue_;
  Signals& signals_;
  std::chrono::milliseconds wait_for_topic_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Pending> queue_;
  Committed committed_;           ///< offsets to be stored
  Steady::time_point commit_at_;  ///< when, at the latest
  std::size_t syncing_ = 0;       ///< calls of sync()
  bool storing_ = false;          ///< offsets that were taken from committed_
  bool topics_changed_ = false;

  // Only for the thread.
  std::deque<Pending> without_topic_;
  std::set<std::string> missing_;  ///< the topics of without_topic_
  std::size_t turn_ = 0;           ///< partition of the next message without a key

  std::jthread thread_;
};

}  // namespace p2p::bus::embedded
