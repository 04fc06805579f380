#pragma once

#include <map>
#include <memory>
#include <string>

#include "app/service_process.hpp"
#include "services/worker/image_generator.hpp"

namespace p2p::app {

/// A new, unique name for a worker; it contains the host's.
std::string worker_name();

/// Loads the models of P2P_MODEL, by name. Throws UsageError for one that is not installed, ModelError.
std::map<std::string, std::shared_ptr<worker::ImageGenerator>> load_models(const AppConfig& config);

}  // namespace p2p::app
