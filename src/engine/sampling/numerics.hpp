#pragma once

#include <span>
#include <vector>

// Functions of numpy and torch that diffusers' schedulers use, bit-identical, because the rounding to whole timesteps depends on the last
// bit.

namespace p2p::engine::numpy {

/// numpy.linspace(start, stop, count).
std::vector<double> linspace(double start, double stop, int count);

/// numpy.arange(start, 0, -step) with step > 0. Rounding may add a number near 0.
std::vector<double> arange_down(double start, double step);

/// numpy.log of float32, with its error of up to 4 units in the last place (AVX2 and AVX-512 code).
float log(float x);

/// numpy.interp(x, numpy.arange(len(values)), values).
double interp(double x, std::span<const float> values);

}  // namespace p2p::engine::numpy

namespace p2p::engine::torch {

/// torch.linspace(start, stop, count) in float32; `count` is at least 2.
std::vector<float> linspace(double start, double stop, std::size_t count);

}  // namespace p2p::engine::torch
