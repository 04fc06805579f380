#pragma once

#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/graph/network.hpp"

namespace p2p::engine::stable_diffusion {

/// diffusers' AutoencoderKL, which converts between pictures and latents.
struct AutoencoderKlConfig {
  std::size_t in_channels = 3;
  std::size_t out_channels = 3;
  std::vector<std::size_t> block_out_channels;
  std::size_t layers_per_block = 1;
  std::size_t latent_channels = 4;
  std::size_t norm_num_groups = 32;
  float scaling_factor = 0.18215F;
  std::size_t sample_size = 32;  ///< px a side; the size of tiles
  bool use_quant_conv = true;
  bool use_post_quant_conv = true;
  bool mid_block_add_attention = true;

  /// Throws ModelError for values that are missing, out of range or not supported.
  static AutoencoderKlConfig load(const ConfigReader& reader);
  /// Pixels per latent along each side.
  std::size_t upscale() const { return std::size_t{1} << (block_out_channels.size() - 1); }
};

/// Port of autoencoder_kl.py and its parts in vae.py.
class AutoencoderKl {
 public:
  /// Checks every weight, the encoding half's too. Throws ModelError.
  explicit AutoencoderKl(Component component);
  AutoencoderKl(AutoencoderKlConfig config, Weights weights);

  /// Input `latents` [1, latent_channels, height, width] as sampled; the graph first divides them by scaling_factor;
  /// output `image` [1, out_channels, upscale * height, upscale * width], nominally -1..1 not clamped, so that NaN can be detected.
  Graph decode_graph(std::size_t height, std::size_t width);
  /// Input `image` [1, in_channels, height, width] in -1..1; output `moments` [1, 2 * latent_channels, height / upscale, width / upscale]:
  /// means, then logarithms of variances, not clamped, both before they are multiplied by scaling_factor.
  Graph encode_graph(std::size_t height, std::size_t width);

  const AutoencoderKlConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  AutoencoderKlConfig config_;
  Weights weights_;
};

}  // namespace p2p::engine::stable_diffusion
