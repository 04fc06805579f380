#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {

/// A change of a weight [out, ...]: scale * up * down, where `up` is [out, rank] and `down` [rank, ...], dimensions of 1 at an end of no
/// matter. Both are floating-point and lie in `file`.
struct LowRankChange {
  TensorView up;
  TensorView down;
  std::shared_ptr<const MappedFile> file;
  float scale = 1;
};

/// Changes of a component's weights, by their names; those of one weight add up. Safe to use from several threads once it is filled.
class WeightPatches {
 public:
  /// Changed weights are given in `dtype`, which is f32 or bf16: sums are made in f32 and rounded once. `threads` 0: all.
  WeightPatches(DType dtype, int threads) : dtype_(dtype), threads_(threads) {}

  /// The shapes are the caller's to check.
  void add(const std::string& weight, LowRankChange change) { changes_[weight].push_back(std::move(change)); }

  /// `tensor`, which is called `name`, with its changes, in memory of its own; itself where there are none.
  Weights::Tensor apply(std::string_view name, const Weights::Tensor& tensor) const;

 private:
  DType dtype_;
  int threads_;
  std::map<std::string, std::vector<LowRankChange>, std::less<>> changes_;
};

}  // namespace p2p::engine
