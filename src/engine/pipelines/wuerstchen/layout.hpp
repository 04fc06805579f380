#pragma once

#include <filesystem>

namespace p2p::engine::wuerstchen {

/// The folders of a model's parts.
struct Layout {
  std::filesystem::path prior_index, prior, prior_text_encoder, prior_tokenizer, prior_scheduler;
  std::filesystem::path decoder_index, decoder, text_encoder, tokenizer, scheduler, vqgan;
};

/// Of the two published folders as prior/ and decoder/, or of diffusers' combined pipeline.
Layout layout_of(const std::filesystem::path& folder);

/// The configurations of the pipelines, with diffusers' defaults.
struct PipelineConfig {
  double latent_mean = 42.0;
  double latent_std = 1.0;
  double resolution_multiple = 42.67;  ///< px along each side per latent of the prior
  double latent_dim_scale = 10.67;     ///< latents of the decoder along each side per latent of the prior

  static PipelineConfig load(const Layout& layout);
};

}  // namespace p2p::engine::wuerstchen
