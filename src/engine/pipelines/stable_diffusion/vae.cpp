#include "engine/pipelines/stable_diffusion/vae.hpp"

#include "base/error.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

std::variant<AutoencoderKl, AutoencoderTiny> open(const ModelIndex& index) {
  const std::string name = index.class_of("vae");
  if (name == "AutoencoderKL") return AutoencoderKl(index.component("vae"));
  if (name == "AutoencoderTiny") return AutoencoderTiny(index.component("vae"));
  throw ModelError(index.path().string() + ": vae: expected a vae of class AutoencoderKL or AutoencoderTiny, found " + name);
}

}  // namespace

Vae::Vae(const ModelIndex& index) : vae_(open(index)) {}

Graph Vae::decode_graph(std::size_t height, std::size_t width) {
  return std::visit([&](auto& vae) { return vae.decode_graph(height, width); }, vae_);
}

std::size_t Vae::upscale() const {
  return std::visit([](const auto& vae) { return vae.config().upscale(); }, vae_);
}

std::size_t Vae::latent_channels() const {
  return std::visit([](const auto& vae) { return vae.config().latent_channels; }, vae_);
}

}  // namespace p2p::engine::stable_diffusion
