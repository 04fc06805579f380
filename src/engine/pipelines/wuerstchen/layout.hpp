#pragma once

#include <filesystem>

namespace p2p::engine::wuerstchen {

/// Where the parts of either layout lie.
struct Layout {
  std::filesystem::path prior_index, prior, prior_text_encoder, prior_tokenizer, prior_scheduler;
  std::filesystem::path decoder_index, decoder, text_encoder, tokenizer, scheduler, vqgan;
};

/// Two published folders side by side as prior/ and decoder/, or what diffusers saves of its combined pipeline.
Layout layout_of(const std::filesystem::path& folder);

/// What the pipelines' own configs say; where they say nothing, diffusers' defaults.
struct PipelineConfig {
  double latent_mean = 42.0;
  double latent_std = 1.0;
  double resolution_multiple = 42.67;  ///< px a side for each of the prior's latents
  double latent_dim_scale = 10.67;     ///< the decoder's latents a side for each of the prior's

  static PipelineConfig load(const Layout& layout);
};

}  // namespace p2p::engine::wuerstchen
