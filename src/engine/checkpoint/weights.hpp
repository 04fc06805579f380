#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/floats.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

class WeightPatches;

/// The tensors of one component and a ledger of requested tensors. Build every graph of the component, then call finish(), which reports
/// all missing and misshapen tensors together. Not thread-safe until finish() has returned.
class Weights {
 public:
  /// A tensor and what keeps its memory alive.
  struct Tensor {
    TensorView view;
    std::shared_ptr<const void> owner;
  };

  /// Maps the files of a component.
  explicit Weights(const std::filesystem::path& folder);
  /// Takes files that are open.
  explicit Weights(WeightFiles files);
  /// No files: every tensor exists, has the requested shape, and is zero. For checking a network's topology without a checkpoint.
  static Weights zeros();

  /// From now on get() applies `patches` (may be null), anew in each call.
  void patch(std::shared_ptr<const WeightPatches> patches) { patches_ = std::move(patches); }

  /// The tensor `name`, which must have `shape`, in F32, F16 or BF16: other floating-point types are converted, anew in each call. A
  /// failure is recorded in the ledger and returns zeros, so that building can continue.
  Tensor get(const std::string& name, const Shape& shape);
  bool has(std::string_view name) const;
  /// Names tensors that nothing reads, as in published files: a name, or a prefix that ends in a dot.
  void ignore(std::string_view name_or_prefix);
  /// Throws ModelError that lists every tensor that is missing or has another shape.
  void finish();
  /// After finish(): the tensors that nothing has requested, except ignored ones.
  const std::vector<std::string>& strays() const { return strays_; }

  /// All requested tensors so far, with their shapes.
  const std::map<std::string, Shape>& requested() const { return requested_; }

 private:
  Weights() = default;

  bool zeros_ = false;
  bool finished_ = false;
  WeightFiles files_;
  std::shared_ptr<const WeightPatches> patches_;
  std::map<std::string, Shape> requested_;
  std::set<std::string, std::less<>> ignored_;
  std::vector<std::string> problems_;
  std::vector<std::string> strays_;
};

/// A tensor of zeros in memory of its own. `data` is that memory, to be filled before anybody else reads the tensor.
struct NewTensor {
  Weights::Tensor tensor;
  std::span<std::byte> data;
};
NewTensor allocate_tensor(DType dtype, const Shape& shape);

}  // namespace p2p::engine
