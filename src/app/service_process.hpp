#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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

/// Default ports of a service. All differ, so that the services can run on one machine.
struct DefaultPorts {
  int http;
  int health;
};
inline constexpr DefaultPorts kApiPorts{8080, 9080};
inline constexpr DefaultPorts kBotPorts{8081, 9081};
inline constexpr DefaultPorts kWorkerPorts{0, 9082};  ///< a worker has only the health listener

/// The common part of all services: log, metrics, a separate listener for /livez, /readyz and /metrics, the HTTP server, and shutdown
/// by SIGTERM or SIGINT. Must be created before any other thread.
class ServiceProcess {
 public:
  /// `http`: configuration of the service's HTTP server; address and limits are taken from the settings.
  ServiceProcess(const AppConfig& config, DefaultPorts ports, http::ServerConfig http = {});
  ~ServiceProcess();
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;

  Metrics& metrics() { return metrics_; }
  /// The HTTP server, for adding routes before a Serving is created. Without a call and without the setting, the process has no such
  /// server.
  http::Server& http();

  /// Serves HTTP until it is destroyed; then all calls have ended. So it must be created after everything that handlers use.
  class Serving {
   public:
    /// /readyz answers `starting`. Throws UsageError if an address is invalid or in use.
    Serving(ServiceProcess& process, const std::string& starting) : process_(process) { process_.serve(starting); }
    ~Serving() { process_.stop_serving(); }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    /// From now on /readyz calls `problem`, which returns why the service cannot work at the moment, or empty.
    void ask(std::function<std::string()> problem) { process_.set_problem(std::move(problem)); }

   private:
    ServiceProcess& process_;
  };

  /// The first signal requests a stop; the second ends the process with 130.
  std::stop_token stop_token() const { return stop_.get_token(); }
  /// Requests a stop, like the first signal.
  void request_stop() { stop_.request_stop(); }

 private:
  void wait_for_signals();
  void serve(const std::string& starting);
  void stop_serving();
  void set_problem(std::function<std::string()> problem);
  /// Empty while the service can work.
  std::string why_not_ready() const;
  void add_health(http::Server& server);
  void start_health();

  const AppConfig& config_;
  const DefaultPorts ports_;
  sigset_t signals_;
  std::atomic<bool> over_ = false;
  std::stop_source stop_;
  Metrics metrics_;
  mutable std::mutex mutex_;  ///< guards problem_
  std::function<std::string()> problem_;
  http::ServerConfig http_config_;
  std::optional<http::Server> http_;
  std::optional<http::Server> health_;
  std::thread waiter_;
};

/// The store of the settings. Throws UsageError if these are inconsistent.
std::unique_ptr<blob::BlobStore> make_store(const AppConfig& config);

/// The key for signing links to pictures: see blob::link_path(). With a bucket it is derived from the bucket's secret key, so that all
/// instances have the same; without one it is stored in data_dir, and created if missing.
Secret link_key(const AppConfig& config);

/// The Kafka settings with this client id. Throws UsageError without brokers.
bus::KafkaConfig kafka_config(const AppConfig& config, const std::string& client_id);

/// The models in a worker's list "a,b", without duplicates. Throws UsageError for an invalid name.
std::vector<std::string> worker_models(const std::string& list);

/// The name of the only model in P2P_MODEL, which need not be installed on this machine. Throws UsageError for several models, because
/// `who` takes one.
std::string one_model(const AppConfig& config, const std::string& who);

/// The model of one colour, for load and crash tests.
inline constexpr std::string_view kFlatModel = "flat";

/// The URL of the bot's database: the setting, or prompt2pic.db in data_dir.
Secret database_url(const AppConfig& config);

}  // namespace p2p::app
