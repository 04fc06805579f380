#pragma once

#include <filesystem>

#include "engine/graph/network.hpp"

namespace p2p::engine::wuerstchen {

/// diffusers' PaellaVQModel: stage A, which converts latents to pixels.
struct PaellaVqConfig {
  std::size_t in_channels = 3;
  std::size_t out_channels = 3;
  std::size_t up_down_scale_factor = 2;
  std::size_t levels = 2;
  std::size_t bottleneck_blocks = 12;
  std::size_t embed_dim = 384;
  std::size_t latent_channels = 4;
  std::size_t num_vq_embeddings = 8192;
  float scale_factor = 0.3764F;

  static PaellaVqConfig load(const std::filesystem::path& config_file);
  /// Pixels per latent along each side.
  std::size_t upscale() const { return up_down_scale_factor << (levels - 1); }
};

/// Port of modeling_paella_vq_model.py, the decoding half.
class PaellaVq {
 public:
  /// Opens `folder` and checks every weight, the encoding half's too. Throws ModelError.
  explicit PaellaVq(const std::filesystem::path& folder);
  PaellaVq(const PaellaVqConfig& config, Weights weights);

  /// Input `latents` [1, latent_channels, height, width]; output `image` [1, out_channels, upscale * height, upscale * width], which the
  /// caller clamps to 0..1: a clamp in the graph would turn NaN into black.
  Graph decode_graph(std::size_t height, std::size_t width);

  const PaellaVqConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }

 private:
  void expect_encoder();

  PaellaVqConfig config_;
  Weights weights_;
};

}  // namespace p2p::engine::wuerstchen
