#include "engine/sampling/torch_rng.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace p2p::engine {
namespace {

constexpr std::size_t kBlock = 16;

/// Box-Muller in blocks like torch: radii from the first eight uniforms, angles from the last eight.
void to_normal(std::span<float, kBlock> block) {
  constexpr std::size_t half = kBlock / 2;
  for (std::size_t i = 0; i < half; ++i) {
    const float radius = std::sqrt(-2.0F * std::log(1.0F - block[i]));
    const float angle = 2.0F * std::numbers::pi_v<float> * block[i + half];
    block[i] = radius * std::cos(angle);
    block[i + half] = radius * std::sin(angle);
  }
}

}  // namespace

// torch accepts 64 bits and seeds its Mersenne twister with the low 32.
TorchRng::TorchRng(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

void TorchRng::randn(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& value : out) value = static_cast<float>(next_normal());
    return;
  }
  for (float& value : out) value = uniform();
  for (std::size_t i = 0; i + kBlock <= out.size(); i += kBlock) to_normal(out.subspan(i).first<kBlock>());
  if (out.size() % kBlock != 0) {
    // For an incomplete last block, torch draws the last sixteen values again and overwrites earlier ones.
    const auto tail = out.last<kBlock>();
    for (float& value : tail) value = uniform();
    to_normal(tail);
  }
}

float TorchRng::uniform() { return static_cast<float>(engine_() & 0xFFFFFFU) * 0x1p-24F; }

double TorchRng::uniform_double() {
  const std::uint64_t high = engine_();
  const std::uint64_t low = engine_();
  return static_cast<double>((high << 32U | low) & ((std::uint64_t{1} << 53U) - 1)) * 0x1p-53;
}

double TorchRng::next_normal() {
  if (second_normal_) return *std::exchange(second_normal_, std::nullopt);
  const double angle = 2.0 * std::numbers::pi * uniform_double();
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform_double()));
  second_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

}  // namespace p2p::engine
