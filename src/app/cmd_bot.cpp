#include <thread>

#include "app/command_line.hpp"
#include "app/measured_store.hpp"
#include "app/picture_cleaner.hpp"
#include "app/process_limits.hpp"
#include "app/telegram_door.hpp"

namespace p2p::app {

int run_bot(const Arguments& arguments) {
  CLI::App app("Runs the Telegram bot: sends requests to the workers and delivers the pictures.", "prompt2pic bot");
  app.footer("Example:\n  P2P_TELEGRAM_TOKEN_FILE=token P2P_KAFKA_BROKERS=localhost:9092 prompt2pic bot\n");
  const SettingFlags flags(app, Service::bot);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const bus::KafkaConfig kafka = kafka_config(config, "prompt2pic-bot");

  return_freed_memory();
  ServiceProcess process(config, kBotPorts);
  const auto store = measured(make_store(config), process.metrics());
  const PictureCleaner cleaner(*store, config.keep_days);
  if (config.s3.bucket.empty()) serve_pictures(process.http(), *store, link_key(config));
  std::unique_ptr<bus::Bus> bus;
  std::optional<Door> door;
  TelegramDoor telegram(process, config, one_model(config, "the bot"));
  ServiceProcess::Serving serving(process, "not connected to Telegram yet");
  if (!telegram.connect()) return 0;
  bus = bus::kafka_bus(kafka);
  door.emplace(*bus, process.metrics(), config);
  serving.ask([&] {
    const std::string problem = telegram.problem();
    return problem.empty() ? door->problem() : problem;
  });
  {
    const std::jthread dispatching([&] { door->run(process.stop_token()); });
    telegram.run(*bus, *door, *store);
  }
  log::info("stopped");
  return 0;
}

}  // namespace p2p::app
