#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/weights.hpp"

namespace p2p::engine {

/// A change of a weight, ready to be computed row by row, also on several threads at once. A row of a weight [out, ...] has its elements
/// at one index of the first dimension.
struct RowChange {
  /// Adds the change of a row to `sum`. `original` is the row before all changes.
  std::function<void(std::size_t row, std::span<const float> original, std::span<float> sum)> add;
  std::size_t work = 1;  ///< multiply-adds per element, roughly
};

/// Prepares a change of the weight `original`; the result must not outlive `original`. A WeightChange keeps what it reads from in memory.
using WeightChange = std::function<RowChange(const TensorView& original)>;

/// Changes of a component's weights by name; changes of the same weight add up. Safe to use from several threads after the last add().
class WeightPatches {
 public:
  /// `dtype`, f32 or bf16, is the type of changed weights: sums are computed in f32 and rounded once. `threads` 0: all.
  WeightPatches(DType dtype, int threads) : dtype_(dtype), threads_(threads) {}

  /// The change must be made for the weight's shape.
  void add(const std::string& weight, WeightChange change) { changes_[weight].push_back(std::move(change)); }

  /// A changed copy of the tensor `name`; `tensor` itself if it has no changes.
  Weights::Tensor apply(std::string_view name, const Weights::Tensor& tensor) const;

 private:
  DType dtype_;
  int threads_;
  std::map<std::string, std::vector<WeightChange>, std::less<>> changes_;
};

}  // namespace p2p::engine
