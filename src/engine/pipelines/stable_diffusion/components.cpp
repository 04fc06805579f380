#include "engine/pipelines/stable_diffusion/components.hpp"

#include <utility>

namespace p2p::engine::stable_diffusion {

SchedulerConfig load_scheduler(const ModelIndex& index) {
  const auto outdated = index.family() == Family::stable_diffusion ? SchedulerConfig::Outdated::amend : SchedulerConfig::Outdated::keep;
  return SchedulerConfig::load(index.scheduler(), index.class_of("scheduler"), outdated);
}

TextEncoders load_text_encoders(const ModelIndex& index, const EngineOptions& options) {
  std::vector<TextualInversion> learned;
  for (const std::filesystem::path& file : options.embeddings) learned.push_back(read_textual_inversion(open_safetensors(file)));
  const auto [precision, threads] = std::pair(*options.precision, options.threads);
  const TextEncoders::Source first{.tokenizer = index.tokenizer("tokenizer"), .text_encoder = index.component("text_encoder")};
  if (index.family() != Family::xl) return TextEncoders::single(first, precision, threads, learned);
  const TextEncoders::Source second{.tokenizer = index.tokenizer("tokenizer_2"), .text_encoder = index.component("text_encoder_2")};
  return TextEncoders::pair(first, second, index.force_zeros_for_empty_prompt(), precision, threads, learned);
}

VaeNetworks load_vae(const ModelIndex& index, const EngineOptions& options) {
  auto vae = options.vae.empty() ? std::make_unique<const Vae>(index) : std::make_unique<const Vae>(options.vae, index.original_family());
  return VaeNetworks(std::move(vae), options.vae_tiling, *options.precision, options.threads);
}

std::unique_ptr<const VaeNetworks> load_preview_vae(const ModelIndex& index, const EngineOptions& options) {
  if (options.preview_vae.empty()) return nullptr;
  return std::make_unique<const VaeNetworks>(std::make_unique<const Vae>(options.preview_vae, index.original_family()), false,
                                             *options.precision, options.threads);
}

}  // namespace p2p::engine::stable_diffusion
