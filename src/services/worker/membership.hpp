#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"
#include "services/worker/store_check.hpp"
#include "services/worker/worker.hpp"

namespace p2p::worker {

/// The worker's membership in the workers' consumer group. For the poll thread, except where noted.
class Membership {
 public:
  /// Keeps the references. `events`: of each subscription.
  Membership(bus::Bus& bus, const WorkerConfig& config, const StoreCheck& store_check, bus::Subscription::Events events)
      : bus_(bus), config_(config), store_check_(store_check), events_(std::move(events)) {}

  /// The models to serve if they have changed: all, or, while the store refuses pictures, only those that no other worker serves. The
  /// caller then leaves and joins.
  std::optional<std::set<std::string>> changed_models();
  /// Joins as a server of these models; with none it stays away.
  void join(const std::set<std::string>& models);
  void leave();
  bool joined() const { return subscription_ != nullptr; }

  std::vector<bus::Record> poll(std::chrono::milliseconds timeout);
  /// From then on poll() returns no records.
  void pause() { subscription_->pause(true); }

  /// Marks the record as processed. No effect if this is no longer a member. Thread-safe.
  void done(const bus::TopicPartition& partition, std::int64_t offset) const;
  /// False for a while after the process was suspended: it may no longer own its partitions, and learns so from the brokers. Thread-safe.
  bool is_trusted() const { return std::chrono::steady_clock::now() >= trusted_from_.load(); }
  /// Why it is not a working member; empty if it is; nullopt if it has not joined. Thread-safe.
  std::optional<std::string> problem() const;

 private:
  /// The models that other members serve; nullopt if that is unknown at the moment.
  std::optional<std::set<std::string>> models_of_others() const;

  bus::Bus& bus_;
  const WorkerConfig& config_;
  const StoreCheck& store_check_;
  bus::Subscription::Events events_;
  std::set<std::string> serving_;
  std::chrono::steady_clock::time_point check_others_at_{};
  std::atomic<std::chrono::steady_clock::time_point> trusted_from_{};
  mutable std::mutex mutex_;  ///< guards the pointer, which the poll thread alone changes
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace p2p::worker
