#pragma once

#include <memory>
#include <optional>

#include "engine/checkpoint/weight_patches.hpp"

namespace p2p::engine {

/// A matrix [rows, columns] in a file: `up` itself, or the product of `up` [rows, rank] and `down` [rank, columns]. A `core` [r, s, kernel]
/// (Tucker decomposition) stands between them: then `down` is [s, in], and columns are in x kernel. Other dimensions are flattened.
struct FactoredMatrix {
  TensorView up;
  std::optional<TensorView> down = {};
  std::optional<TensorView> core = {};
  bool up_transposed = false;  ///< `up` is [rank, rows], as beside some cores
};

/// How a change of a weight W [out, in, kernel...] is composed.
enum class Composition {
  matrix,     ///< first: LoRA, or a whole difference
  hadamard,   ///< first * second, by elements: LoHa
  kronecker,  ///< the Kronecker product of first and second: LoKr
  glora,      ///< W first + second, where `first` is [in, in]
  ia3_in,     ///< W times the vector `first`, along the inputs
  ia3_out,    ///< the same along the outputs
};

/// DoRA: the changed weight V = W + change is normalised and multiplied by magnitudes. Published files differ in the axis, which the shape
/// shows, and in what a LoRA's weight s does:
/// - `dora_scale` (LyCORIS, kohya, OneTrainer): [out, 1, ...] or, in LyCORIS before 3.1 and by default in OneTrainer, [1, in, ...]. The
///   result is interpolated, W + s (magnitude V / |V| - W), as LyCORIS' apply_dora_scale, ComfyUI and AUTOMATIC1111 do it.
///   (LyCORIS' own modules instead keep V for s = 0, so that a LoRA without weight would change the picture.)
/// - `lora_magnitude_vector` (peft, and diffusers with it): [out]. V is W + s change.
/// They agree for s = 1.
struct Magnitudes {
  TensorView values;
  bool along_inputs = false;
  bool scales_change = false;  ///< peft's use of the weight
};

/// A change of a weight. All tensors are floating-point, have matching shapes, and point into `file`.
struct Decomposition {
  Composition composition = Composition::matrix;
  FactoredMatrix first;
  std::optional<FactoredMatrix> second = {};
  std::optional<Magnitudes> magnitudes = {};
  float scale = 1;  ///< of the change, such as alpha / rank
  std::shared_ptr<const MappedFile> file = {};
};

/// The change with the weight of its LoRA.
WeightChange weight_change(Decomposition decomposition, float weight);

}  // namespace p2p::engine
