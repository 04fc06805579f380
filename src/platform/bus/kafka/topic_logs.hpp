#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace p2p::bus {

/// The last known log id of each topic. Brokers assign the id when a topic is created: a topic that was deleted, or lost with the brokers'
/// data, and created again has a new id, and its offsets start from 0. Thread-safe.
class TopicLogs {
 public:
  /// Empty: unknown. Also registers the topic for monitoring.
  std::string log_of(const std::string& topic) {
    const std::scoped_lock lock(mutex_);
    return logs_[topic];
  }
  /// Whether the topic's log is known to differ from `log`.
  bool is_another(const std::string& topic, const std::string& log) {
    const std::string now = log_of(topic);
    return !now.empty() && !log.empty() && now != log;
  }
  void set(const std::string& topic, const std::string& log) {
    const std::scoped_lock lock(mutex_);
    logs_[topic] = log;
  }
  std::vector<std::string> topics() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [topic, log] : logs_) names.push_back(topic);
    return names;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> logs_;
};

}  // namespace p2p::bus
