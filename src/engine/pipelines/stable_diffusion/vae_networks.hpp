#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "engine/graph/network.hpp"
#include "engine/graph/single_entry_cache.hpp"
#include "engine/pipelines/generation_context.hpp"
#include "engine/pipelines/stable_diffusion/vae.hpp"

namespace p2p::engine::stable_diffusion {

/// A Vae and its networks, compiled on first use and cached for the last size. Sizes are in latents. Safe to use from several threads.
class VaeNetworks {
 public:
  /// `tiling`: see EngineOptions::vae_tiling.
  VaeNetworks(std::unique_ptr<const Vae> vae, std::optional<bool> tiling, Precision precision, int threads);

  const Vae& vae() const { return *vae_; }

  /// Latents of the picture `planes` [3, upscale * height, upscale * width] in -1..1. Throws Error if they are not finite.
  std::vector<float> encode(std::span<const float> planes, std::size_t height, std::size_t width, TorchRng& rng) const;

  /// The picture of `latents`, in tiles if it is large. Adds to `time`. Throws Cancelled between tiles.
  std::vector<float> decode(std::span<const float> latents, std::size_t height, std::size_t width, const GenerationContext& context,
                            StageTime& time) const;

 private:
  using Cache = SingleEntryCache<std::pair<std::size_t, std::size_t>, Network>;

  std::shared_ptr<const Network> compile(const Graph& graph) const { return std::make_shared<const Network>(graph, precision_, threads_); }

  std::unique_ptr<const Vae> vae_;
  std::optional<bool> tiling_;
  Precision precision_;
  int threads_;
  Cache encoder_;
  Cache decoder_;
};

}  // namespace p2p::engine::stable_diffusion
