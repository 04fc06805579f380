#pragma once

#include <array>
#include <optional>
#include <string>

#include "engine/checkpoint/decomposition.hpp"
#include "engine/checkpoint/lora_keys.hpp"
#include "engine/checkpoint/lora_modules.hpp"

namespace p2p::engine {

/// The tensors that a LoRA file has for one layer of the model. All checks throw ModelError that names the file and the tensor.
class LoraParts {
 public:
  using Weight = LoraModules::Weight;
  using Tensor = std::pair<const std::string, TensorView>;

  LoraParts(const std::filesystem::path& file, LoraModules::Layer layer) : file_(file), layer_(layer) {}

  /// Fails if the part is there already, under another name.
  void add(LoraPart part, const Tensor& tensor);

  bool has(LoraPart part) const { return at(part) != nullptr; }
  /// A part that must be there, with floating-point values, because `with` is; `name` is for messages.
  const Tensor& get(LoraPart wanted, LoraPart with, const char* name) const;
  /// The only element of a part that is there, finite.
  float number(LoraPart part) const;

  const Weight& weight() const { return *layer_.weight; }
  const Weight& bias() const { return *layer_.bias; }
  /// Sizes of the weight [out, in, ...].
  std::size_t out() const { return weight().second[0]; }
  std::size_t in() const { return weight().second[1]; }

  /// A tensor's first dimension, a rank, which is limited.
  std::size_t rank_of(const Tensor& tensor) const;
  /// A dimension of a matrix, not zero.
  std::size_t side_of(const Tensor& matrix, std::size_t axis) const;
  /// Trailing ones do not matter, and layers may be flattened to two dimensions.
  void check_shape(const Tensor& tensor, const Shape& expected, const Weight& of) const;
  void check_shape(const Tensor& tensor, const Shape& expected) const { check_shape(tensor, expected, weight()); }
  /// The weight's shape with other rows and inputs.
  Shape like_weight(std::size_t rows, std::size_t inputs) const;
  /// The checked product [rows, inputs x kernel] of `up` and `down`, around `core` unless it is null.
  FactoredMatrix product(const Tensor& up, const Tensor& down, const Tensor* core, bool up_transposed, std::size_t rows,
                         std::size_t inputs) const;

  [[noreturn]] void fail(const std::string& tensor, const std::string& problem) const;
  [[noreturn]] void fail_for_shape(const Tensor& tensor, const std::string& expected, const Weight& of) const;
  /// For parts that make no change by themselves.
  [[noreturn]] void fail_alone() const;

 private:
  const Tensor* at(LoraPart part) const { return parts_.at(static_cast<std::size_t>(part)); }

  std::filesystem::path file_;
  LoraModules::Layer layer_;
  std::array<const Tensor*, kLoraParts> parts_{};
};

}  // namespace p2p::engine
