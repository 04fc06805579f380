#pragma once

#include <vector>

#include "engine/checkpoint/component.hpp"
#include "engine/graph/network.hpp"

namespace p2p::engine::stable_diffusion {

/// diffusers' AutoencoderTiny (TAESD): a small replacement for AutoencoderKl.
struct AutoencoderTinyConfig {
  std::size_t in_channels = 3;
  std::size_t out_channels = 3;
  std::size_t latent_channels = 4;
  std::size_t encoder_channels = 64;  ///< every entry of encoder_block_out_channels
  std::size_t decoder_channels = 64;
  std::vector<std::size_t> num_encoder_blocks;
  std::vector<std::size_t> num_decoder_blocks;
  float scaling_factor = 1;

  /// Throws ModelError for values that are missing, out of range or not supported.
  static AutoencoderTinyConfig load(const ConfigReader& reader);
  /// Pixels per latent along each side.
  std::size_t upscale() const { return std::size_t{1} << (num_decoder_blocks.size() - 1); }
};

/// Port of autoencoder_tiny.py and its parts in vae.py.
class AutoencoderTiny {
 public:
  /// Checks every weight, the encoding half's too. Throws ModelError.
  explicit AutoencoderTiny(Component component);
  AutoencoderTiny(AutoencoderTinyConfig config, Weights weights);

  /// See AutoencoderKl::decode_graph().
  Graph decode_graph(std::size_t height, std::size_t width);
  /// Input `image` [1, in_channels, height, width] in -1..1; output `latents` [1, latent_channels, height / upscale, width / upscale],
  /// before they are multiplied by scaling_factor. There is no distribution to draw from.
  Graph encode_graph(std::size_t height, std::size_t width);

  const AutoencoderTinyConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  AutoencoderTinyConfig config_;
  Weights weights_;
};

}  // namespace p2p::engine::stable_diffusion
