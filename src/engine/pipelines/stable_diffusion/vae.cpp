#include "engine/pipelines/stable_diffusion/vae.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "engine/checkpoint/vae_file.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

std::variant<AutoencoderKl, AutoencoderTiny> open(const std::string& name, Component component) {
  if (name == "AutoencoderKL") return AutoencoderKl(std::move(component));
  if (name == "AutoencoderTiny") return AutoencoderTiny(std::move(component));
  throw ModelError(component.config.file().string() + ": expected a vae of class AutoencoderKL or AutoencoderTiny, found " + name);
}

std::variant<AutoencoderKl, AutoencoderTiny> open_path(const std::filesystem::path& path, OriginalFamily family) {
  if (std::filesystem::is_directory(path)) return open(ConfigReader(path / "config.json").text("_class_name"), path);
  VaeFile file = open_vae_file(path, family);
  return open(file.class_name, std::move(file.component));
}

}  // namespace

Vae::Vae(const ModelIndex& index) : vae_(open(index.class_of("vae"), index.component("vae"))) {}

Vae::Vae(const std::filesystem::path& path, OriginalFamily family) : vae_(open_path(path, family)) {}

Graph Vae::decode_graph(std::size_t height, std::size_t width) const {
  const std::lock_guard lock(mutex_);
  return std::visit([&](auto& vae) { return vae.decode_graph(height, width); }, vae_);
}

Graph Vae::encode_graph(std::size_t height, std::size_t width) const {
  const std::lock_guard lock(mutex_);
  return std::visit([&](auto& vae) { return vae.encode_graph(height, width); }, vae_);
}

std::vector<float> Vae::latents_of(std::span<const float> encoded, TorchRng& rng) const {
  std::vector<float> latents(encoded.begin(), encoded.end());
  if (std::holds_alternative<AutoencoderKl>(vae_)) {  // means, then logarithms of variances
    const std::size_t count = encoded.size() / 2;
    latents.resize(count);
    rng.randn(latents);
    for (std::size_t k = 0; k < count; ++k)
      latents[k] = encoded[k] + std::exp(0.5F * std::clamp(encoded[count + k], -30.0F, 20.0F)) * latents[k];
  }
  const float scale = std::visit([](const auto& vae) { return vae.config().scaling_factor; }, vae_);
  for (float& value : latents) value *= scale;
  return latents;
}

std::size_t Vae::upscale() const {
  return std::visit([](const auto& vae) { return vae.config().upscale(); }, vae_);
}

std::size_t Vae::latent_channels() const {
  return std::visit([](const auto& vae) { return vae.config().latent_channels; }, vae_);
}

const std::vector<std::string>& Vae::strays() const {
  return std::visit([](const auto& vae) -> const std::vector<std::string>& { return vae.weights().strays(); }, vae_);
}

std::size_t Vae::tile_side() const {
  const auto* kl = std::get_if<AutoencoderKl>(&vae_);
  // A quarter of it overlaps, so it is a multiple of 4.
  return kl == nullptr ? 0 : std::max<std::size_t>(kl->config().sample_size / kl->config().upscale() / 4 * 4, 4);
}

}  // namespace p2p::engine::stable_diffusion
