#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <thread>

#include "app/api_door.hpp"
#include "app/command_line.hpp"
#include "app/measured_store.hpp"
#include "app/picture_cleaner.hpp"
#include "app/process_limits.hpp"
#include "app/telegram_door.hpp"
#include "app/worker_models.hpp"
#include "base/log.hpp"
#include "platform/bus/embedded/embedded.hpp"
#include "services/worker/worker.hpp"

namespace p2p::app {
namespace {

bool is_free(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return true;
  const int reuse = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const bool free = bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(listener);
  return free;
}

/// The first free port of loopback from the API's on.
std::string free_address() {
  constexpr int kTries = 100;
  for (int port = kApiPorts.http; port < kApiPorts.http + kTries; ++port) {
    if (is_free(port)) return "127.0.0.1:" + std::to_string(port);
  }
  throw UsageError("no port from 8080 to 8179 is free; set P2P_HTTP_LISTEN to an address such as 127.0.0.1:9999");
}

/// The settings, with the demo's defaults.
AppConfig demo_config(const LoadedConfig& loaded) {
  AppConfig config = loaded.config;
  for (std::size_t i = 0; i < settings().size(); ++i) {
    if (settings()[i].name == "log_level" && loaded.values[i].source == "default") config.log_level = log::Level::warn;
  }
  if (config.http_listen.empty()) config.http_listen = free_address();
  config.api_page = true;
  if (!config.kafka.brokers.empty()) std::cerr << "P2P_KAFKA_BROKERS is ignored: the demo has a queue of its own\n";
  return config;
}

/// Runs the parts of the demo on threads. The first that fails stops the process.
class Parts {
 public:
  explicit Parts(ServiceProcess& process) : process_(process) {}

  void run(std::function<void()> part) {
    threads_.emplace_back([this, part = std::move(part)] {
      try {
        part();
      } catch (const std::exception&) {
        const std::scoped_lock lock(mutex_);
        if (!failed_) failed_ = std::current_exception();
        process_.request_stop();
      }
    });
  }
  /// Waits until all have ended. Throws what the first that failed threw.
  void join() {
    threads_.clear();
    if (failed_) std::rethrow_exception(failed_);
  }

 private:
  ServiceProcess& process_;
  std::mutex mutex_;
  std::exception_ptr failed_;
  std::vector<std::jthread> threads_;
};

/// `chosen`: the port was not set.
void print_welcome(const AppConfig& config, int port, bool chosen, const std::string& model) {
  const std::string host = config.http_listen.substr(0, config.http_listen.rfind(':'));
  std::cout << "\nPrompt2Pic is running. Open in a browser:\n\n  http://" << host << ':' << port << "\n\n";
  if (chosen && port != kApiPorts.http) std::cout << "(Port 8080 is taken.)\n";
  std::cout << "Type a prompt there, such as: a fox on a blue background\n"
            << "Or call the API, which http://" << host << ':' << port << "/docs describes:\n\n  curl http://" << host << ':' << port
            << "/v1/images/generations -H 'Content-Type: application/json' -d '{\"prompt\": \"a fox\"}'\n\n"
            << "Model: " << model << ". Pictures and the queue are kept in " << std::filesystem::absolute(config.data_dir).string()
            << ".\n";
  if (config.telegram.token.empty()) std::cout << "For a Telegram bot as well, set P2P_TELEGRAM_TOKEN to a token from @BotFather.\n";
  std::cout << "Ctrl-C stops it; unfinished requests continue at the next start.\n" << std::endl;
}

}  // namespace

int run_demo(const Arguments& arguments) {
  CLI::App app(
      "Runs everything in one process, without servers: queue, worker, API, a web page to chat with, and the Telegram bot if a token is "
      "set.",
      "prompt2pic demo");
  app.footer("Examples:\n  prompt2pic demo\n  P2P_TELEGRAM_TOKEN_FILE=token prompt2pic demo --model sd-turbo\n");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const LoadedConfig loaded = flags.load();
  const AppConfig config = demo_config(loaded);
  const std::vector<std::string> models = worker_models(config.model);
  const std::string model = std::filesystem::path(models.front()).filename().string();
  check_reach(config);

  return_freed_memory();
  ServiceProcess process(config, kApiPorts, api_server(config));
  const std::stop_token stop = process.stop_token();
  const auto store = measured(make_store(config), process.metrics());
  const PictureCleaner cleaner(*store, config.keep_days);
  const auto broker = bus::open_embedded_broker(config.data_dir / "queue.db");
  const std::string name = worker_name();
  const auto bus = bus::embedded_bus(broker, "prompt2pic-demo");
  const auto worker_bus = bus::embedded_bus(broker, name);
  // Requests are accepted while the models are loading.
  for (const std::string& each : models)
    bus->ensure_topics({{messages::requests_topic(std::filesystem::path(each).filename().string()), 1}});
  Door door(*bus, process.metrics(), config);
  const ApiDoor api(process, door, *store, config, model);
  std::optional<TelegramDoor> telegram;
  if (!config.telegram.token.empty()) telegram.emplace(process, config, model);
  std::optional<worker::Worker> worker;
  std::atomic<const worker::Worker*> working = nullptr;
  ServiceProcess::Serving serving(process, "starting");
  serving.ask([&] {
    std::string problem = door.problem();
    if (problem.empty()) problem = working ? working.load()->problem() : "loading the model";
    return problem.empty() && telegram ? telegram->problem() : problem;
  });
  print_welcome(config, process.http().port(), loaded.config.http_listen.empty(), model);

  Parts parts(process);
  parts.run([&] { door.run(stop); });
  parts.run([&] {
    worker.emplace(
        *worker_bus, *store, process.metrics(),
        worker::WorkerConfig{.name = name, .generators = load_models(config), .draw_within = config.draw_within, .partitions = 1});
    working = &*worker;
    worker->run(stop);
  });
  if (telegram) {
    parts.run([&] {
      if (!telegram->connect()) return;
      std::cout << "Telegram bot: https://t.me/" << telegram->username() << std::endl;
      telegram->run(*bus, door, *store);
    });
  }
  parts.join();
  std::cout << "Stopped.\n";
  return 0;
}

}  // namespace p2p::app
