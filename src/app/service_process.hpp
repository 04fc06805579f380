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

/// Where a service listens if the settings say nothing. All differ, so that the services run side by side on one machine.
struct DefaultPorts {
  int http;
  int health;
};
inline constexpr DefaultPorts kApiPorts{8080, 9080};
inline constexpr DefaultPorts kBotPorts{8081, 9081};
inline constexpr DefaultPorts kWorkerPorts{0, 9082};  ///< a worker serves nothing else

/// What every service has: the log, metrics, /livez, /readyz and /metrics on a listener of their own, HTTP for what it serves, and a stop
/// at SIGTERM or SIGINT. To be made before any other thread.
class ServiceProcess {
 public:
  /// `http`: of what the service serves; the address and the limits are the settings'.
  ServiceProcess(const AppConfig& config, DefaultPorts ports, http::ServerConfig http = {});
  ~ServiceProcess();
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;

  Metrics& metrics() { return metrics_; }
  /// For routes, before there is a Serving. Where nothing asks for it, and no setting, the process does not listen for it.
  http::Server& http();

  /// Serves HTTP while it lives; then all calls have ended. So it is to be made after what handlers use.
  class Serving {
   public:
    /// /readyz answers that the service is `starting`. Throws UsageError: an address is wrong or taken.
    Serving(ServiceProcess& process, const std::string& starting) : process_(process) { process_.serve(starting); }
    ~Serving() { process_.stop_serving(); }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    /// From now on /readyz asks `problem` why the service cannot work at the moment; empty: it can.
    void ask(std::function<std::string()> problem) { process_.set_problem(std::move(problem)); }

   private:
    ServiceProcess& process_;
  };

  /// Asked to stop by the first signal; the second ends the process with 130.
  std::stop_token stop_token() const { return stop_.get_token(); }
  /// As the first signal does.
  void request_stop() { stop_.request_stop(); }

 private:
  void wait_for_signals();
  void serve(const std::string& starting);
  void stop_serving();
  void set_problem(std::function<std::string()> problem);
  std::string problem() const;
  void add_health(http::Server& server);
  void start_health();

  const AppConfig& config_;
  const DefaultPorts ports_;
  sigset_t signals_;
  std::atomic<bool> over_ = false;
  std::stop_source stop_;
  Metrics metrics_;
  mutable std::mutex mutex_;  ///< of problem_
  std::function<std::string()> problem_;
  http::ServerConfig http_config_;
  std::optional<http::Server> http_;
  std::optional<http::Server> health_;
  std::thread waiter_;
};

/// The store that the settings name. Throws UsageError where they do not fit together.
std::unique_ptr<blob::BlobStore> make_store(const AppConfig& config);

/// Signs links to pictures: see blob::link_path(). With a bucket it is derived from the bucket's secret key, so that all instances have the
/// same; without, it is kept in data_dir and made where missing.
Secret link_key(const AppConfig& config);

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
