#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "platform/bus/bus.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::requests {

/// The newest description of each model that workers have published within a day. Thread-safe.
class ModelCatalog {
 public:
  /// Keeps the reference.
  explicit ModelCatalog(bus::Bus& bus) : bus_(bus) {}

  /// Follows the descriptions until `stop`.
  void run(const std::stop_token& stop);
  /// nullopt if the model's workers have not described it.
  std::optional<messages::Model> find(const std::string& model) const;

 private:
  bus::Bus& bus_;
  mutable std::mutex mutex_;
  std::map<std::string, messages::Model> models_;
};

}  // namespace p2p::requests
