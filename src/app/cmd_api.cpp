#include <array>

#include "app/command_line.hpp"
#include "app/door.hpp"
#include "app/process_limits.hpp"
#include "app/service_process.hpp"
#include "app/webhook.hpp"
#include "base/text.hpp"
#include "services/api/routes.hpp"

namespace p2p::app {
namespace {

/// Without keys everyone who can reach the port may draw, so it must be on loopback.
void check_reach(const AppConfig& config) {
  constexpr std::array<std::string_view, 3> kLoopback{"127.", "localhost:", "[::1]:"};
  const auto begins = [&](std::string_view host) { return config.http_listen.starts_with(host); };
  if (config.api_keys.empty() && !config.http_listen.empty() && std::ranges::none_of(kLoopback, begins))
    throw UsageError("P2P_API_KEYS is not set, so P2P_HTTP_LISTEN has to be on loopback, such as 127.0.0.1:8080, and is " +
                     config.http_listen + "; set P2P_API_KEYS to the keys that callers show (P2P_API_KEYS_FILE: a file that holds them)");
}

/// Protects an API without keys from DNS rebinding: pages of other sites whose names resolve to loopback.
std::vector<std::string> hosts(const AppConfig& config) {
  if (!config.api_keys.empty()) return {};
  std::vector<std::string> hosts{"localhost", "127.0.0.1", "[::1]"};
  if (const std::size_t scheme = config.public_url.find("://"); scheme != std::string::npos) {
    const std::string rest = config.public_url.substr(scheme + 3);
    hosts.push_back(to_lower(rest.substr(0, rest.find_first_of(":/"))));
  }
  return hosts;
}

}  // namespace

int run_api(const Arguments& arguments) {
  CLI::App app("Serves an HTTP API like OpenAI's images API and sends requests to the workers.", "prompt2pic api");
  app.footer(
      "Example:\n  P2P_KAFKA_BROKERS=localhost:9092 prompt2pic api\n  curl http://127.0.0.1:8080/v1/images/generations -H 'Content-Type: "
      "application/json' -d '{\"prompt\": \"a fox\"}'\n");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const bus::KafkaConfig kafka = kafka_config(config, "prompt2pic-api");
  const std::string model = one_model(config, "the API");
  const api::Clients clients(config.api_keys);
  check_reach(config);

  // Limits the pictures that are read from the store at once.
  constexpr int kThreads = 8;
  return_freed_memory();
  ServiceProcess process(config, kApiPorts, {.threads = kThreads, .hosts = hosts(config), .error = api::error_answer});
  const auto store = make_store(config);
  const auto bus = bus::kafka_bus(kafka);
  Door door(*bus, process.metrics(), config);
  const Secret links = link_key(config);
  serve_pictures(process.http(), *store, links);
  const api::Routes routes(process.http(), door.requests, door.dispatch, clients, *store, process.metrics(),
                           {.model = model,
                            .link_ttl = config.link_ttl,
                            .public_url = config.public_url,
                            .link_key = links,
                            .wait = config.api_wait,
                            .cross_origin = clients.ask_for_key()});
  ServiceProcess::Serving serving(process, "starting");
  serving.ask([&] { return door.problem(); });
  log::info("working", {{"model", model}, {"keys", clients.ask_for_key()}, {"version", P2P_VERSION}});
  door.run(process.stop_token());
  log::info("stopped");
  return 0;
}

}  // namespace p2p::app
