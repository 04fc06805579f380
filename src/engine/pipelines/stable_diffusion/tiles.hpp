#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace p2p::engine::stable_diffusion {

/// Sizes: latents [channels, height, width] become a picture [3, upscale * height, upscale * width], in tiles of `side` latents.
struct Tiles {
  std::size_t channels = 0;
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t upscale = 0;
  std::size_t side = 0;  ///< a multiple of 4
};

/// Decodes one tile of latents [channels, height, width].
using DecodeTile = std::function<std::vector<float>(std::span<const float> latents, std::size_t height, std::size_t width)>;

/// Decodes tiles that overlap by a quarter and blends them, as diffusers' AutoencoderKL.tiled_decode. Tiles of one size are decoded
/// together, so that at most four networks are compiled.
std::vector<float> decode_in_tiles(const Tiles& tiles, std::span<const float> latents, const DecodeTile& decode);

}  // namespace p2p::engine::stable_diffusion
