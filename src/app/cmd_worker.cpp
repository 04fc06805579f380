#include <unistd.h>

#include "app/command_line.hpp"
#include "app/model_folders.hpp"
#include "app/service_process.hpp"
#include "base/random_id.hpp"
#include "services/worker/image_generators.hpp"
#include "services/worker/worker.hpp"

namespace p2p::app {
namespace {

constexpr const char* kProgram = "prompt2pic " P2P_VERSION;

/// A unique name that contains the host's.
std::string worker_name() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + random_hex(4);
}

std::map<std::string, std::shared_ptr<worker::ImageGenerator>> load_models(const AppConfig& config) {
  std::map<std::string, std::shared_ptr<worker::ImageGenerator>> generators;
  for (const std::string& wanted : worker_models(config.model)) {
    if (wanted == kFlatModel) {
      generators[wanted] = worker::flat_generator(config.flat, kProgram);
      continue;
    }
    AppConfig one = config;
    one.model = wanted;
    const std::filesystem::path folder = find_model(one);
    const std::string name = model_name(folder);
    log::info("loading", {{"model", name}, {"folder", folder.string()}});
    const engine::ModelCard card = engine::read_model_card(folder);
    generators[name] =
        worker::engine_generator(engine::load_text_to_image(folder, engine_options(config)),
                                 {.model = name,
                                  .program = kProgram,
                                  .steps = config.steps,
                                  .decoder_steps = config.decoder_steps,
                                  .sizes = card.sizes,
                                  .max_pixels = std::min<std::int64_t>(config.max_pixels, card.max_pixels.value_or(INT32_MAX))});
  }
  return generators;
}

}  // namespace

int run_worker(const Arguments& arguments) {
  CLI::App app("Draws pictures: takes requests from Kafka, stores the pictures and publishes events.", "prompt2pic worker");
  app.footer(
      "Example:\n  P2P_KAFKA_BROKERS=localhost:9092 P2P_MODEL=emoji prompt2pic worker\nSIGTERM finishes the drawing in hand or hands it "
      "back.\n");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const std::string name = worker_name();
  const bus::KafkaConfig kafka = kafka_config(config, name);

  ServiceProcess process(config, kWorkerPorts);
  const auto store = make_store(config);
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
