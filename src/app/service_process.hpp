#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/settings.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"
#include "platform/metrics/metrics.hpp"

namespace p2p::app {

/// What every service has: the log, metrics, /livez, /readyz and /metrics, and a stop at SIGTERM or SIGINT. To be made before any other
/// thread.
class ServiceProcess {
 public:
  /// `threads`: calls over HTTP that are handled at once.
  explicit ServiceProcess(const AppConfig& config, int threads = 4);
  ~ServiceProcess();
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;

  Metrics& metrics() { return metrics_; }
  /// For further routes, before serve().
  http::Server& http() { return server_; }
  /// Listens. `problem` says why the service cannot work at the moment; empty: it can.
  void serve(std::function<std::string()> problem);
  /// Asked to stop by the first signal; the second ends the process with 130.
  std::stop_token stop_token() const { return stop_.get_token(); }
  /// As the first signal does.
  void request_stop() { stop_.request_stop(); }

 private:
  void wait_for_signals();

  sigset_t signals_;
  std::atomic<bool> over_ = false;
  std::stop_source stop_;
  Metrics metrics_;
  http::Server server_;
  std::function<std::string()> problem_;
  std::thread waiter_;
};

/// The store that the settings name. Throws UsageError where they do not fit together.
std::unique_ptr<blob::BlobStore> make_store(const AppConfig& config);

/// The key of the folder store's links: kept in data_dir, made where missing, so that bot and worker of one machine agree.
Secret folder_link_key(const AppConfig& config);

/// The settings of Kafka with this process's name. Throws UsageError where there are no brokers.
bus::KafkaConfig kafka_config(const AppConfig& config, const std::string& client_id);

/// The models of a worker's list "a,b", each once. Throws UsageError for a name that no model can have.
std::vector<std::string> worker_models(const std::string& list);

/// The one model of P2P_MODEL, by name: it may be in another folder than the workers', or nowhere here. Throws UsageError for several, of
/// which `who` takes one.
std::string one_model(const AppConfig& config, const std::string& who);

/// The model that is one colour, for tests of load and crashes.
inline constexpr std::string_view kFlatModel = "flat";

/// The bot's database: the setting's, or prompt2pic.db in data_dir.
Secret database_url(const AppConfig& config);

}  // namespace p2p::app
