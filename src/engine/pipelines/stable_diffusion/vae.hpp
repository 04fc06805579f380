#pragma once

#include <cstddef>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/models/stable_diffusion/autoencoder_kl.hpp"
#include "engine/models/stable_diffusion/autoencoder_tiny.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"
#include "engine/sampling/torch_rng.hpp"

namespace p2p::engine::stable_diffusion {

/// An autoencoder of either class. Safe to use from several threads.
class Vae {
 public:
  /// Loads the vae of the index. Throws ModelError.
  explicit Vae(const ModelIndex& index);
  /// Loads the folder of a vae, whose config.json names the class, or its file (see open_vae_file()). Throws ModelError.
  Vae(const std::filesystem::path& path, OriginalFamily family);

  /// See AutoencoderKl::decode_graph().
  Graph decode_graph(std::size_t height, std::size_t width) const;
  /// For a picture of height x width, in whole latents; see AutoencoderKl::encode_graph().
  Graph encode_graph(std::size_t height, std::size_t width) const;
  /// The name of the output of encode_graph().
  std::string encoded_name() const { return std::holds_alternative<AutoencoderKl>(vae_) ? "moments" : "latents"; }
  /// Converts the output of encode_graph() to latents, multiplied by scaling_factor; samples the distribution if the class has one.
  std::vector<float> latents_of(std::span<const float> encoded, TorchRng& rng) const;
  /// Pixels per latent along each side.
  std::size_t upscale() const;
  std::size_t latent_channels() const;
  /// Tensors that are there and not used.
  const std::vector<std::string>& strays() const;
  /// Latents along each side of a tile; 0 if the class cannot decode in tiles.
  std::size_t tile_side() const;

 private:
  mutable std::mutex mutex_;
  mutable std::variant<AutoencoderKl, AutoencoderTiny> vae_;  ///< building its graphs requires the lock
};

}  // namespace p2p::engine::stable_diffusion
