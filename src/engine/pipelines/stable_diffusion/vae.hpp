#pragma once

#include <cstddef>
#include <variant>

#include "engine/models/stable_diffusion/autoencoder_kl.hpp"
#include "engine/models/stable_diffusion/autoencoder_tiny.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"

namespace p2p::engine::stable_diffusion {

/// The autoencoder that a model's index names, of either class.
class Vae {
 public:
  /// Throws ModelError.
  explicit Vae(const ModelIndex& index);

  /// See AutoencoderKl::decode_graph(); one thread at a time.
  Graph decode_graph(std::size_t height, std::size_t width);
  /// Pixels a side for each latent.
  std::size_t upscale() const;
  std::size_t latent_channels() const;

 private:
  std::variant<AutoencoderKl, AutoencoderTiny> vae_;
};

}  // namespace p2p::engine::stable_diffusion
