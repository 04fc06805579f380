#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace p2p::engine::stable_diffusion {

/// Latents [channels, height, width] and the picture [3, upscale * height, upscale * width] that they become, in tiles of `side` latents.
struct Tiles {
  std::size_t channels = 0;
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t upscale = 0;
  std::size_t side = 0;  ///< a multiple of 4
};

/// What decodes one tile, latents [channels, height, width].
using DecodeTile = std::function<std::vector<float>(std::span<const float> latents, std::size_t height, std::size_t width)>;

/// Decodes tiles that overlap by a quarter and blends them, as diffusers' AutoencoderKL.tiled_decode. `decode` is called for tiles of one
/// size after the other, so that it compiles at most four networks.
std::vector<float> decode_in_tiles(const Tiles& tiles, std::span<const float> latents, const DecodeTile& decode);

}  // namespace p2p::engine::stable_diffusion
