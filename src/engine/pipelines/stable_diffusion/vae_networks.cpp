#include "engine/pipelines/stable_diffusion/vae_networks.hpp"

#include <algorithm>

#include "engine/pipelines/stable_diffusion/tiles.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::size_t kMostUntiledPixels = std::size_t{1536} * 1536;

}  // namespace

VaeNetworks::VaeNetworks(std::unique_ptr<const Vae> vae, std::optional<bool> tiling, Precision precision, int threads)
    : vae_(std::move(vae)), tiling_(tiling), precision_(precision), threads_(threads) {}

std::vector<float> VaeNetworks::encode(std::span<const float> planes, std::size_t height, std::size_t width, TorchRng& rng) const {
  const std::size_t px = vae_->upscale();
  const auto network = encoder_.get({height, width}, [&] { return compile(vae_->encode_graph(px * height, px * width)); });
  Network::Run run(*network);
  run.set("image", planes);
  run.execute();
  const auto encoded = run.output(vae_->encoded_name());
  check_finite(encoded, Stage::vae, 0);
  return vae_->latents_of(encoded, rng);
}

std::vector<float> VaeNetworks::decode(std::span<const float> latents, std::size_t height, std::size_t width,
                                       const GenerationContext& context, StageTime& time) const {
  const auto decode_part = [&](std::span<const float> part, std::size_t part_height, std::size_t part_width) {
    context.stop_if_asked();
    const auto network = decoder_.get({part_height, part_width}, [&] { return compile(vae_->decode_graph(part_height, part_width)); });
    return run_vae(*network, part, time);
  };
  const std::size_t side = vae_->tile_side();
  const std::size_t px = vae_->upscale();
  const bool tiled = tiling_.value_or(height * px * width * px > kMostUntiledPixels);
  if (!tiled || side == 0 || std::max(height, width) <= side) return decode_part(latents, height, width);
  const Tiles tiles{.channels = vae_->latent_channels(), .height = height, .width = width, .upscale = px, .side = side};
  return decode_in_tiles(tiles, latents, decode_part);
}

}  // namespace p2p::engine::stable_diffusion
