#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>

namespace p2p::engine {

/// torch.Generator("cpu").manual_seed(seed) with torch.randn in float32: the same numbers in the same order, to a few units in the last
/// place (torch differs by as much between processors). Not thread-safe; use one object per picture.
class TorchRng {
 public:
  explicit TorchRng(std::uint64_t seed);

  /// Equals torch.randn(out.size()).
  void randn(std::span<float> out);

 private:
  float uniform();
  double uniform_double();
  double next_normal();

  std::mt19937 engine_;
  std::optional<double> second_normal_;  ///< of the last pair that next_normal() drew
};

}  // namespace p2p::engine
