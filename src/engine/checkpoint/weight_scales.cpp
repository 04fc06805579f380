#include "engine/checkpoint/weight_scales.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.hpp"
#include "engine/checkpoint/floats.hpp"

namespace p2p::engine {
namespace {

constexpr std::array<std::string_view, 2> kScaleNames{".scale_weight", ".weight_scale"};
constexpr std::array<std::string_view, 3> kForActivations{".scale_input", ".input_scale", ".comfy_quant"};
constexpr std::string_view kMarker = "scaled_fp8";

/// The weight to which a tensor of scales belongs, if that is an 8-bit one.
TensorView* scaled_weight(Tensors& tensors, std::string_view name) {
  for (const std::string_view ending : kScaleNames) {
    if (!name.ends_with(ending)) continue;
    const auto weight = tensors.find(std::string(name.substr(0, name.size() - ending.size())) + ".weight");
    if (weight != tensors.end() && is_f8(weight->second.dtype)) return &weight->second;
  }
  return nullptr;
}

/// Whether it lies beside an 8-bit weight and only concerns the inputs of its layer.
bool is_for_activations(const Tensors& tensors, std::string_view name) {
  return std::ranges::any_of(kForActivations, [&](std::string_view ending) {
    if (!name.ends_with(ending)) return false;
    const auto weight = tensors.find(std::string(name.substr(0, name.size() - ending.size())) + ".weight");
    return weight != tensors.end() && is_f8(weight->second.dtype);
  });
}

}  // namespace

void apply_weight_scales(Tensors& tensors, const std::filesystem::path& file) {
  for (auto tensor = tensors.begin(); tensor != tensors.end();) {
    const auto& [name, view] = *tensor;
    TensorView* const weight = scaled_weight(tensors, name);
    if (weight) {
      const std::size_t rows = weight->shape.empty() ? 1 : weight->shape[0];
      const std::size_t count = byte_size(DType::i8, view.shape);
      const auto fail = [&](const std::string& problem) { throw ModelError(file.string() + ": tensor " + excerpt(name) + ": " + problem); };
      if (count == 0 || (count != 1 && count != rows))
        fail("expected one scale or " + std::to_string(rows) + ", one for each row of the weight, found shape " + to_string(view.shape));
      weight->scales = to_floats(view);
      if (!std::ranges::all_of(weight->scales, [](float scale) { return std::isfinite(scale); })) fail("expected finite numbers");
    }
    const bool used = weight || is_for_activations(tensors, name) || name == kMarker || name.ends_with("." + std::string(kMarker));
    tensor = used ? tensors.erase(tensor) : std::next(tensor);
  }
}

}  // namespace p2p::engine
