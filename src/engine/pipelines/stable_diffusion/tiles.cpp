#include "engine/pipelines/stable_diffusion/tiles.hpp"

#include <algorithm>
#include <utility>

namespace p2p::engine::stable_diffusion {
namespace {

struct Tile {
  std::size_t y, x, height, width;  // of latents
  std::vector<float> image;         // [3, upscale * height, upscale * width]
};

std::vector<float> cut(const Tiles& tiles, std::span<const float> latents, const Tile& tile) {
  std::vector<float> part;
  part.reserve(tiles.channels * tile.height * tile.width);
  for (std::size_t c = 0; c < tiles.channels; ++c) {
    for (std::size_t y = 0; y < tile.height; ++y) {
      const auto row = latents.subspan(((c * tiles.height) + tile.y + y) * tiles.width + tile.x, tile.width);
      part.insert(part.end(), row.begin(), row.end());
    }
  }
  return part;
}

// Blends the first rows (or columns) of `tile` with the last ones of `before`, with increasing weight of `tile`.
void blend(const Tile& before, Tile& tile, std::size_t upscale, std::size_t extent, bool rows) {
  const std::size_t height = tile.height * upscale;
  const std::size_t width = tile.width * upscale;
  const std::size_t from_height = before.height * upscale;
  const std::size_t from_width = before.width * upscale;
  extent = std::min({rows ? from_height : from_width, rows ? height : width, extent});
  const std::size_t across = rows ? std::min(width, from_width) : std::min(height, from_height);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < extent; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(extent);
      const auto [old, own] = std::pair(static_cast<float>(1 - share), static_cast<float>(share));
      for (std::size_t k = 0; k < across; ++k) {
        const auto [y, x] = rows ? std::pair(i, k) : std::pair(k, i);
        const auto [from_y, from_x] = rows ? std::pair(from_height - extent + i, k) : std::pair(k, from_width - extent + i);
        float& value = tile.image[(c * height + y) * width + x];
        value = before.image[(c * from_height + from_y) * from_width + from_x] * old + value * own;
      }
    }
  }
}

}  // namespace

std::vector<float> decode_in_tiles(const Tiles& tiles, std::span<const float> latents, const DecodeTile& decode) {
  const std::size_t stride = tiles.side / 4 * 3;
  const std::size_t up = tiles.upscale;
  std::vector<Tile> grid;
  for (std::size_t y = 0; y < tiles.height; y += stride) {
    for (std::size_t x = 0; x < tiles.width; x += stride) {
      grid.push_back({y, x, std::min(tiles.side, tiles.height - y), std::min(tiles.side, tiles.width - x), {}});
    }
  }
  std::vector<Tile*> by_size;
  for (Tile& tile : grid) by_size.push_back(&tile);
  std::ranges::stable_sort(by_size, {}, [](const Tile* tile) { return std::pair(tile->height, tile->width); });
  for (Tile* tile : by_size) tile->image = decode(cut(tiles, latents, *tile), tile->height, tile->width);

  const std::size_t columns = (tiles.width + stride - 1) / stride;
  const std::size_t extent = tiles.side * up / 4;
  std::vector<float> image(3 * tiles.height * up * tiles.width * up);
  for (std::size_t i = 0; i < grid.size(); ++i) {
    Tile& tile = grid[i];
    if (tile.y > 0) blend(grid[i - columns], tile, up, extent, true);
    if (tile.x > 0) blend(grid[i - 1], tile, up, extent, false);
    const std::size_t height = tile.height * up;
    const std::size_t width = tile.width * up;
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t y = 0; y < std::min(height, stride * up); ++y) {
        const auto row = std::span(tile.image).subspan((c * height + y) * width, std::min(width, stride * up));
        const std::size_t to = ((c * tiles.height * up) + tile.y * up + y) * tiles.width * up + tile.x * up;
        std::ranges::copy(row, image.begin() + static_cast<std::ptrdiff_t>(to));
      }
    }
  }
  return image;
}

}  // namespace p2p::engine::stable_diffusion
