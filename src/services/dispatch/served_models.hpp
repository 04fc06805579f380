#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/dispatch/types.hpp"

namespace p2p::dispatch {

/// Which models workers serve, served before, or never served. Thread-safe.
class ServedModels {
 public:
  /// Sets the active workers. `log_of`: the id of the log of a model's topic of requests. Returns the models whose topics were re-created.
  std::set<std::string> set_workers(const std::vector<Worker>& workers, const std::function<std::string(const std::string& model)>& log_of);
  /// Sets the models that no worker ever served and that requests wait for.
  void set_never_served(const std::set<std::string>& models, Time now);

  /// The models that active workers serve.
  std::set<std::string> active() const;
  /// Whether an active worker serves the model now (true), did so before in this process' life (false), or never did (nullopt).
  std::optional<bool> is_served(const std::string& model) const;
  /// Since when the model is known as never served; nullopt if it is not.
  std::optional<Time> never_served_since(const std::string& model) const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string> active_;
  std::map<std::string, std::string> logs_;   ///< by model ever served: id of its topic's log
  std::map<std::string, Time> never_served_;  ///< and since when this is known
};

}  // namespace p2p::dispatch
