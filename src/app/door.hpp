#pragma once

#include <stop_token>
#include <string>

#include "config/settings.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

namespace p2p::app {

/// What every process has that takes requests: the requests of all of them, and a dispatcher, of which one among all processes leads.
class Door {
 public:
  /// Keeps the references.
  Door(bus::Bus& bus, Metrics& metrics, const AppConfig& config);

  /// Works until `stop`.
  void run(const std::stop_token& stop);
  /// Why it cannot work at the moment; empty: it can. Thread-safe.
  std::string problem() const;

  requests::Client requests;
  dispatch::Dispatch dispatch;
};

}  // namespace p2p::app
