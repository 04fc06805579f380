#include "engine/models/stable_diffusion/embeddings.hpp"

#include <algorithm>
#include <cmath>

namespace p2p::engine::stable_diffusion {

std::vector<float> timestep_embedding(float timestep, std::size_t width, bool flip_sin_to_cos, double freq_shift) {
  const std::size_t half = width / 2;
  const auto decay = static_cast<float>(-std::log(10000.0));
  const auto divisor = static_cast<float>(static_cast<double>(half) - freq_shift);
  std::vector<float> embedding(width);  // odd widths end in a zero
  for (std::size_t i = 0; i < half; ++i) {
    const float angle = timestep * std::exp(decay * static_cast<float>(i) / divisor);
    embedding[flip_sin_to_cos ? half + i : i] = std::sin(angle);
    embedding[flip_sin_to_cos ? i : half + i] = std::cos(angle);
  }
  return embedding;
}

std::vector<float> guidance_scale_embedding(double guidance_scale, std::size_t width) {
  const std::size_t half = width / 2;
  const float scale = static_cast<float>(guidance_scale - 1) * 1000.0F;
  const float decay = std::log(10000.0F) / static_cast<float>(half - 1);
  std::vector<float> embedding(width);
  for (std::size_t i = 0; i < half; ++i) {
    const float angle = scale * std::exp(static_cast<float>(i) * -decay);
    embedding[i] = std::sin(angle);
    embedding[half + i] = std::cos(angle);
  }
  return embedding;
}

}  // namespace p2p::engine::stable_diffusion
