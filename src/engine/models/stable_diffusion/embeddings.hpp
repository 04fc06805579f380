#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace p2p::engine::stable_diffusion {

/// diffusers' get_timestep_embedding: `width` values, sines then cosines, or the other way with `flip_sin_to_cos`.
std::vector<float> timestep_embedding(float timestep, std::size_t width, bool flip_sin_to_cos, double freq_shift);

/// LCM's get_guidance_scale_embedding of a guidance scale (from which the pipeline takes 1 first): `width` values.
std::vector<float> guidance_scale_embedding(double guidance_scale, std::size_t width);

}  // namespace p2p::engine::stable_diffusion
