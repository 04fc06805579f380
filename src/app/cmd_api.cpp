#include <array>

#include "app/command_line.hpp"
#include "app/service_process.hpp"
#include "app/webhook.hpp"
#include "services/api/routes.hpp"

namespace p2p::app {
namespace {

/// Without keys everybody who reaches the port may draw: that is nobody but this machine's users.
void check_reach(const AppConfig& config) {
  constexpr std::array<std::string_view, 3> kLoopback{"127.", "localhost:", "[::1]:"};
  const auto begins = [&](std::string_view host) { return config.http_listen.starts_with(host); };
  if (config.api_keys.empty() && std::ranges::none_of(kLoopback, begins))
    throw UsageError("P2P_API_KEYS is not set, so P2P_HTTP_LISTEN has to be on loopback, such as 127.0.0.1:8080, and is " +
                     config.http_listen + "; set P2P_API_KEYS to the keys that callers show (P2P_API_KEYS_FILE: a file that holds them)");
}

}  // namespace

int run_api(const Arguments& arguments) {
  CLI::App app("Takes requests over HTTP, as OpenAI's images API does, and has them drawn by the workers.", "prompt2pic api");
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

  // Each call that waits holds a thread.
  constexpr int kThreads = 256;
  ServiceProcess process(config, kThreads);
  const auto store = make_store(config);
  if (config.s3.bucket.empty()) serve_pictures(process.http(), *store, folder_link_key(config));
  const auto bus = bus::kafka_bus(kafka);
  api::Api api(*bus, process.metrics(),
               {.user_in_flight = config.user_in_flight, .user_queue = config.user_queue, .user_per_day = config.user_per_day});
  const api::Routes routes(process.http(), api, clients, *store, process.metrics(),
                           {.model = model, .link_ttl = config.link_ttl, .public_url = config.public_url});
  const std::unique_ptr<http::Server, void (*)(http::Server*)> stop_serving(&process.http(), [](http::Server* server) { server->stop(); });
  process.serve([&] { return api.problem(); });
  log::info("working", {{"model", model}, {"keys", clients.ask_for_key()}, {"version", P2P_VERSION}});
  api.run(process.stop_token());
  log::info("stopped");
  return 0;
}

}  // namespace p2p::app
