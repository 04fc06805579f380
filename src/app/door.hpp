#pragma once

#include <stop_token>
#include <string>

#include "config/settings.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"
#include "services/requests/model_catalog.hpp"

namespace p2p::app {

/// The part that all doors (bot and API) share: the requests of all doors, the descriptions of models, and a dispatcher, of
/// which one among all processes is the leader.
class Door {
 public:
  /// Keeps the references.
  Door(bus::Bus& bus, Metrics& metrics, const AppConfig& config);

  /// Works until `stop`.
  void run(const std::stop_token& stop);
  /// Why it cannot work at the moment; empty if it can. Thread-safe.
  std::string problem() const;

  requests::Client requests;
  dispatch::Dispatch dispatch;
  requests::ModelCatalog models;
};

}  // namespace p2p::app
