#include "app/api_door.hpp"
#include "app/command_line.hpp"
#include "app/measured_store.hpp"
#include "app/process_limits.hpp"

namespace p2p::app {
int run_api(const Arguments& arguments) {
  CLI::App app("Serves an HTTP API like OpenAI's images API and sends requests to the workers.", "prompt2pic api");
  app.footer(
      "Example:\n  P2P_KAFKA_BROKERS=localhost:9092 prompt2pic api\n  curl http://127.0.0.1:8080/v1/images/generations -H 'Content-Type: "
      "application/json' -d '{\"prompt\": \"a fox\"}'\n");
  const SettingFlags flags(app, Service::api);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const bus::KafkaConfig kafka = kafka_config(config, "prompt2pic-api");
  const std::string model = one_model(config, "the API");
  check_reach(config);

  return_freed_memory();
  ServiceProcess process(config, kApiPorts, api_server(config));
  const auto store = measured(make_store(config), process.metrics());
  const auto bus = bus::kafka_bus(kafka);
  Door door(*bus, process.metrics(), config);
  const ApiDoor api(process, door, *store, config, model);
  ServiceProcess::Serving serving(process, "starting");
  serving.ask([&] { return door.problem(); });
  log::info("working", {{"model", model}, {"keys", api.asks_for_key()}, {"version", P2P_VERSION}});
  door.run(process.stop_token());
  log::info("stopped");
  return 0;
}

}  // namespace p2p::app
