#include "app/worker_models.hpp"

#include <unistd.h>

#include <array>

#include "app/model_folders.hpp"
#include "base/log.hpp"
#include "base/random_id.hpp"
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
