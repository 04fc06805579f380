#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {

/// A change of a weight [out, ...]: scale * up * down, where `up` is [out, rank] and `down` [rank, ...]. Trailing dimensions of 1 are
/// ignored. Both are floating-point and point into `file`.
struct LowRankChange {
  TensorView up;
  TensorView down;
  std::shared_ptr<const MappedFile> file;
  float scale = 1;
};

/// Changes of a component's weights by name; changes of the same weight add up. Safe to use from several threads after the last add().
class WeightPatches {
 public:
  /// `dtype`, f32 or bf16, is the type of changed weights: sums are computed in f32 and rounded once. `threads` 0: all.
  WeightPatches(DType dtype, int threads) : dtype_(dtype), threads_(threads) {}

  /// The caller checks the shapes.
  void add(const std::string& weight, LowRankChange change) { changes_[weight].push_back(std::move(change)); }

  /// A changed copy of the tensor `name`; `tensor` itself if it has no changes.
  Weights::Tensor apply(std::string_view name, const Weights::Tensor& tensor) const;

 private:
  DType dtype_;
  int threads_;
  std::map<std::string, std::vector<LowRankChange>, std::less<>> changes_;
};

}  // namespace p2p::engine
