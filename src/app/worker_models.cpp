#include "app/worker_models.hpp"

#include <unistd.h>

#include <array>

#include "app/model_folders.hpp"
#include "app/pull_catalog.hpp"
#include "base/log.hpp"
#include "base/random_id.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "platform/messages/rules.hpp"
#include "services/worker/image_generators.hpp"

namespace p2p::app {

std::string worker_name() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + random_hex(4);
}

std::map<std::string, std::shared_ptr<worker::ImageGenerator>> load_models(const AppConfig& config) {
  const char* const program = "prompt2pic " P2P_VERSION;
  std::map<std::string, std::shared_ptr<worker::ImageGenerator>> generators;
  engine::EngineOptions options = engine_options(config);
  options.quick_previews = true;
  if (!config.previews) options.preview_vae.clear();
  for (const std::string& wanted : worker_models(config.model)) {
    if (wanted == kFlatModel) {
      generators[wanted] = worker::flat_generator(config.flat, program, config.previews);
      continue;
    }
    AppConfig one = config;
    one.model = wanted;
    const std::filesystem::path folder = find_model(one);
    const std::string name = model_name(folder);
    if (!messages::is_model(name)) {
      throw UsageError("a worker cannot serve the model '" + name +
                       "': topics of Kafka have its name, so it has at most 64 of a-z, 0-9 and -. " +
                       "Rename it, or make a link with such a name in P2P_MODELS_DIR: ln -s '" + folder.string() + "' " +
                       model_name_of(name) + (engine::is_single_file(folder) ? ".safetensors" : ""));
    }
    log::info("loading", {{"model", name}, {"folder", folder.string()}});
    generators[name] = worker::engine_generator(engine::load_text_to_image(folder, options), {.model = name,
                                                                                              .program = program,
                                                                                              .steps = config.steps,
                                                                                              .decoder_steps = config.decoder_steps,
                                                                                              .card = engine::read_model_card(folder),
                                                                                              .max_pixels = config.max_pixels,
                                                                                              .previews = config.previews});
  }
  return generators;
}

}  // namespace p2p::app
