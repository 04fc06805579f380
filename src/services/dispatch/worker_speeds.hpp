#pragma once

#include <map>
#include <optional>
#include <string>

namespace p2p::dispatch {

/// Measured seconds for a request of cost 1, by worker and model, as moving averages. Not thread-safe.
class WorkerSpeeds {
 public:
  void learn(const std::string& worker, const std::string& model, double seconds) {
    blend(of_worker_[worker], model, seconds);
    blend(of_model_, model, seconds);
  }

  /// nullopt before the first measurement.
  std::optional<double> of(const std::string& worker, const std::string& model) const {
    const auto found = of_worker_.find(worker);
    return found == of_worker_.end() ? std::nullopt : value_of(found->second, model);
  }
  /// Of the average worker; nullopt before the first measurement.
  std::optional<double> mean(const std::string& model) const { return value_of(of_model_, model); }

 private:
  using ByModel = std::map<std::string, double>;

  static void blend(ByModel& averages, const std::string& model, double seconds) {
    constexpr double kWeight = 0.2;
    const auto [found, fresh] = averages.try_emplace(model, seconds);
    if (!fresh) found->second += kWeight * (seconds - found->second);
  }
  static std::optional<double> value_of(const ByModel& averages, const std::string& model) {
    const auto found = averages.find(model);
    return found == averages.end() ? std::nullopt : std::optional(found->second);
  }

  std::map<std::string, ByModel> of_worker_;
  ByModel of_model_;
};

}  // namespace p2p::dispatch
