#include "app/command_line.hpp"
#include "app/measured_store.hpp"
#include "app/worker_models.hpp"
#include "services/worker/worker.hpp"

namespace p2p::app {
int run_worker(const Arguments& arguments) {
  CLI::App app("Draws pictures: takes requests from Kafka, stores the pictures and publishes events.", "prompt2pic worker");
  app.footer(
      "Example:\n  P2P_KAFKA_BROKERS=localhost:9092 P2P_MODEL=emoji prompt2pic worker\nSIGTERM finishes the drawing in hand or hands it "
      "back.\n");
  const SettingFlags flags(app, Service::worker);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const std::string name = worker_name();
  const bus::KafkaConfig kafka = kafka_config(config, name);

  ServiceProcess process(config, kWorkerPorts);
  const auto store = measured(make_store(config), process.metrics());
  const auto bus = bus::kafka_bus(kafka);
  std::optional<worker::Worker> worker;
  ServiceProcess::Serving serving(process, "loading the model");
  worker.emplace(*bus, *store, process.metrics(),
                 worker::WorkerConfig{.name = name, .generators = load_models(config), .draw_within = config.draw_within});
  serving.ask([&] { return worker->problem(); });
  log::info("working", {{"worker", name}, {"version", P2P_VERSION}});
  worker->run(process.stop_token());
  log::info("stopped");
  return 0;
}

}  // namespace p2p::app
