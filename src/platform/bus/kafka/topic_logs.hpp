#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace p2p::bus {

/// Which log each topic has had last, by the id that the brokers give a topic when it is made: a topic that was deleted, or lost with the
/// brokers' data, and made again has another one, whose offsets begin from 0. Thread-safe.
class TopicLogs {
 public:
  /// Empty: not known. Asks for the topic to be looked after.
  std::string log_of(const std::string& topic) {
    const std::scoped_lock lock(mutex_);
    return logs_[topic];
  }
  /// Whether the topic has another log than `log`, as far as both are known.
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
