#pragma once

#include <cstddef>
#include <filesystem>
#include <variant>

#include "engine/models/stable_diffusion/autoencoder_kl.hpp"
#include "engine/models/stable_diffusion/autoencoder_tiny.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"

namespace p2p::engine::stable_diffusion {

/// An autoencoder of either class.
class Vae {
 public:
  /// The one that the index names. Throws ModelError.
  explicit Vae(const ModelIndex& index);
  /// The one in a folder, whose config.json names the class. Throws ModelError.
  explicit Vae(const std::filesystem::path& folder);

  /// See AutoencoderKl::decode_graph(); one thread at a time.
  Graph decode_graph(std::size_t height, std::size_t width);
  /// Pixels a side for each latent.
  std::size_t upscale() const;
  std::size_t latent_channels() const;
  /// Latents a side of a tile, where the class can decode in tiles; 0: it cannot.
  std::size_t tile_side() const;

 private:
  std::variant<AutoencoderKl, AutoencoderTiny> vae_;
};

}  // namespace p2p::engine::stable_diffusion
