#include "engine/pipelines/stable_diffusion/vae.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

std::variant<AutoencoderKl, AutoencoderTiny> open(const std::string& name, Component component) {
  if (name == "AutoencoderKL") return AutoencoderKl(std::move(component));
  if (name == "AutoencoderTiny") return AutoencoderTiny(std::move(component));
  throw ModelError(component.config.file().string() + ": expected a vae of class AutoencoderKL or AutoencoderTiny, found " + name);
}

}  // namespace

Vae::Vae(const ModelIndex& index) : vae_(open(index.class_of("vae"), index.component("vae"))) {}

Vae::Vae(const std::filesystem::path& folder) : vae_(open(ConfigReader(folder / "config.json").text("_class_name"), folder)) {}

Graph Vae::decode_graph(std::size_t height, std::size_t width) {
  return std::visit([&](auto& vae) { return vae.decode_graph(height, width); }, vae_);
}

std::size_t Vae::upscale() const {
  return std::visit([](const auto& vae) { return vae.config().upscale(); }, vae_);
}

std::size_t Vae::latent_channels() const {
  return std::visit([](const auto& vae) { return vae.config().latent_channels; }, vae_);
}

std::size_t Vae::tile_side() const {
  const auto* kl = std::get_if<AutoencoderKl>(&vae_);
  // A quarter of it overlaps, so it is a multiple of 4.
  return kl == nullptr ? 0 : std::max<std::size_t>(kl->config().sample_size / kl->config().upscale() / 4 * 4, 4);
}

}  // namespace p2p::engine::stable_diffusion
