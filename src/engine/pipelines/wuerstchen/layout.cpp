#include "engine/pipelines/wuerstchen/layout.hpp"

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine::wuerstchen {

namespace fs = std::filesystem;

Layout layout_of(const fs::path& folder) {
  const bool combined = fs::exists(folder / "prior_prior");
  const fs::path c = combined ? folder : folder / "prior";
  const fs::path b = combined ? folder : folder / "decoder";
  const std::string prefix = combined ? "prior_" : "";
  return {.prior_index = c / "model_index.json",
          .prior = c / (prefix + "prior"),
          .prior_text_encoder = c / (prefix + "text_encoder"),
          .prior_tokenizer = c / (prefix + "tokenizer"),
          .prior_scheduler = c / (prefix + "scheduler"),
          .decoder_index = b / "model_index.json",
          .decoder = b / "decoder",
          .text_encoder = b / "text_encoder",
          .tokenizer = b / "tokenizer",
          .scheduler = b / "scheduler",
          .vqgan = b / "vqgan"};
}

PipelineConfig PipelineConfig::load(const Layout& layout) {
  const PipelineConfig defaults;
  const ConfigReader prior(layout.prior_index);
  const ConfigReader decoder(layout.decoder_index);
  return {.latent_mean = prior.number("latent_mean", -1e6, 1e6, defaults.latent_mean),
          .latent_std = prior.number("latent_std", -1e6, 1e6, defaults.latent_std),
          .resolution_multiple = prior.number("resolution_multiple", 1, 4096, defaults.resolution_multiple),
          .latent_dim_scale = decoder.number("latent_dim_scale", 1e-3, 4096, defaults.latent_dim_scale)};
}

}  // namespace p2p::engine::wuerstchen
