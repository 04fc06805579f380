#include "app/service_process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "app/pull_catalog.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/private_folder.hpp"
#include "base/random_id.hpp"
#include "platform/blob/signature.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::app {

namespace fs = std::filesystem;

namespace {

/// The name under which a service offers the model that P2P_MODEL names.
std::string served_name(const std::string& model) {
  const fs::path file = fs::path(model).filename();
  return (file.extension() == ".safetensors" ? file.stem() : file).string();
}

std::string loopback(int port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

ServiceProcess::ServiceProcess(const AppConfig& config, DefaultPorts ports, http::ServerConfig http)
    : config_(config), ports_(ports), http_config_(std::move(http)) {
  http_config_.listen = config.http_listen.empty() ? loopback(ports.http) : config.http_listen;
  http_config_.limits = config.http;
  log::configure(config.log_level, config.log_format);
  metrics_.gauge("prompt2pic_build_info", "Version of the program.", {{"version", P2P_VERSION}}).set(1);
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  waiter_ = std::thread([this] { wait_for_signals(); });
}

ServiceProcess::~ServiceProcess() {
  health_.reset();  // before the state that it reads
  over_ = true;
  // Only to that thread, where it is blocked as everywhere, to wake its sigwait.
  pthread_kill(waiter_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
  waiter_.join();
}

void ServiceProcess::wait_for_signals() {
  constexpr std::chrono::seconds kStopWithin{57};
  constexpr timespec kCheckEvery{.tv_sec = 1, .tv_nsec = 0};  // SIGCONT may wake it without a signal
  int signal = 0;
  if (sigwait(&signals_, &signal) != 0 || over_) return;
  log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  stop_.request_stop();
  const auto deadline = std::chrono::steady_clock::now() + kStopWithin;
  int second = -1;
  while (second < 0 && !over_ && std::chrono::steady_clock::now() < deadline) second = sigtimedwait(&signals_, nullptr, &kCheckEvery);
  if (over_) return;
  if (second > 0) {
    log::warn("stopped immediately by a second signal");
    std::_Exit(130);
  }
  // Safe: the process may be killed at any time without loss.
  log::error("a component does not stop; ending the process without it");
  std::_Exit(0);
}

http::Server& ServiceProcess::http() { return http_ ? *http_ : http_.emplace(http_config_); }

void ServiceProcess::serve(const std::string& starting) {
  set_problem([starting] { return starting; });
  start_health();
  if (!config_.http_listen.empty()) http();
  if (!http_) return;
  add_health(*http_);
  http_->start();
  log::info("listening", {{"port", http_->port()}});
}

void ServiceProcess::start_health() {
  // Enough for probes, which come one at a time; a flood of connections closes the oldest ones and cannot lock probes out.
  const http::ServerLimits limits{.header_bytes = 8192, .body_bytes = 0, .connections = 256, .buffered_bytes = 4u << 20u};
  const auto start = [&](const std::string& listen) {
    health_.emplace(http::ServerConfig{.listen = listen, .setting = "P2P_HEALTH_LISTEN", .limits = limits, .threads = 2});
    add_health(*health_);
    health_->start();
  };
  if (!config_.health_listen.empty()) {
    start(config_.health_listen);
  } else {
    try {
      start(loopback(ports_.health));
    } catch (const UsageError&) {
      start(loopback(0));  // several workers on one machine
    }
  }
  log::info("health", {{"port", health_->port()}});
}

void ServiceProcess::add_health(http::Server& server) {
  server.route("GET", "/livez", [](const http::ServerRequest&) { return http::ServerResponse{.body = "alive\n"}; });
  server.route("GET", "/readyz", [this](const http::ServerRequest&) {
    const std::string why = why_not_ready();
    return why.empty() ? http::ServerResponse{.body = "ready\n"} : http::ServerResponse{.status = 503, .body = "not ready: " + why + "\n"};
  });
  server.route("GET", "/metrics", [this](const http::ServerRequest&) {
    metrics_.gauge("prompt2pic_ready", "Whether /readyz answers 200: 1 or 0.").set(why_not_ready().empty() ? 1 : 0);
    return http::ServerResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_.text()};
  });
}

void ServiceProcess::stop_serving() {
  if (http_) http_->stop();
  set_problem([] { return "stopping"; });
}

void ServiceProcess::set_problem(std::function<std::string()> problem) {
  const std::scoped_lock lock(mutex_);
  problem_ = std::move(problem);
}

std::string ServiceProcess::why_not_ready() const {
  if (stop_.stop_requested()) return "stopping";
  const std::scoped_lock lock(mutex_);
  return problem_();
}

std::unique_ptr<blob::BlobStore> make_store(const AppConfig& config) {
  if (config.s3.bucket.empty()) {
    return blob::folder_store(
        {.folder = (config.data_dir / "pictures").string(), .public_url = config.public_url, .link_key = link_key(config)});
  }
  std::string missing;
  const auto require = [&](bool there, std::string_view variable) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(variable);
  };
  require(!config.s3.endpoint.empty(), "P2P_S3_ENDPOINT");
  require(!config.s3.access_key.empty(), "P2P_S3_ACCESS_KEY");
  require(!config.s3.secret_key.empty(), "P2P_S3_SECRET_KEY");
  if (!missing.empty()) throw UsageError("P2P_S3_BUCKET is set, so these must be set too: " + missing);
  return blob::s3_store(config.s3);
}

Secret link_key(const AppConfig& config) {
  if (!config.s3.bucket.empty()) return Secret(blob::to_hex(blob::hmac(config.s3.secret_key.expose(), "prompt2pic links")));
  const fs::path file = config.data_dir / "link-key";
  std::error_code failed;
  make_private_folders(config.data_dir, failed);
  // Two processes may start at the same time: the file is created atomically, and the first one wins.
  if (const fs::path fresh = file.string() + "." + random_hex(8); !fs::exists(file)) {
    const int descriptor = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const std::string key = random_hex(32);
    const bool written = descriptor >= 0 && ::write(descriptor, key.data(), key.size()) == static_cast<ssize_t>(key.size());
    if (descriptor >= 0) close(descriptor);
    if (written) fs::create_hard_link(fresh, file, failed);
    fs::remove(fresh, failed);
  }
  std::string key;
  std::ifstream(file) >> key;
  if (key.size() < 64)
    throw UsageError("the folder " + config.data_dir.string() + " cannot be written or " + file.string() +
                     " is damaged; set P2P_DATA_DIR to a folder of this user");
  return Secret(key);
}

bus::KafkaConfig kafka_config(const AppConfig& config, const std::string& client_id) {
  bus::KafkaConfig kafka = config.kafka;
  if (kafka.brokers.empty()) throw UsageError("P2P_KAFKA_BROKERS is not set; it takes host:port, comma-separated");
  const bool sasl = kafka.security_protocol.starts_with("sasl");
  if (sasl && (kafka.sasl_mechanism.empty() || kafka.username.empty() || kafka.password.empty())) {
    throw UsageError("P2P_KAFKA_SECURITY_PROTOCOL is " + kafka.security_protocol +
                     ", so P2P_KAFKA_SASL_MECHANISM, P2P_KAFKA_USERNAME and P2P_KAFKA_PASSWORD must be set");
  }
  kafka.client_id = client_id;
  return kafka;
}

std::vector<std::string> worker_models(const std::string& list) {
  std::vector<std::string> models;
  std::istringstream in(list);
  for (std::string name; std::getline(in, name, ',');) {
    while (name.starts_with(' ')) name.erase(0, 1);
    while (name.ends_with(' ')) name.pop_back();
    const std::string shown = served_name(name);
    if (!messages::is_model(shown)) {
      throw UsageError("P2P_MODEL names '" + name + "'; a service takes 1 to 64 of a-z, 0-9 and '-', since the name ends a topic's name. " +
                       "Rename the model, or link to it in P2P_MODELS_DIR: ln -s '" + name + "' " + model_name_of(shown) +
                       (shown + ".safetensors" == fs::path(name).filename() ? ".safetensors" : ""));
    }
    if (std::ranges::find(models, name) == models.end()) models.push_back(name);
  }
  if (models.empty()) throw UsageError("P2P_MODEL names no model");
  return models;
}

std::string one_model(const AppConfig& config, const std::string& who) {
  const auto models = worker_models(config.model);
  if (models.size() != 1) throw UsageError("P2P_MODEL names several models; " + who + " takes one");
  return served_name(models.front());
}

Secret database_url(const AppConfig& config) {
  if (!config.database_url.empty()) return config.database_url;
  return Secret("sqlite:///" + fs::absolute(config.data_dir / "prompt2pic.db").string());
}

}  // namespace p2p::app
