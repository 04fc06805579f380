#include "engine/checkpoint/lora.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <tuple>

#include "base/json.hpp"
#include "engine/checkpoint/lora_alphas.hpp"
#include "engine/checkpoint/lora_modules.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxLoraRank = 4096;

enum class Part { down, up, alpha };

constexpr std::array kEndings{
    std::pair{std::string_view(".lora_A.weight"), Part::down},
    std::pair{std::string_view(".lora_B.weight"), Part::up},
    std::pair{std::string_view(".lora_down.weight"), Part::down},
    std::pair{std::string_view(".lora_up.weight"), Part::up},
    std::pair{std::string_view(".lora.down.weight"), Part::down},
    std::pair{std::string_view(".lora.up.weight"), Part::up},
    std::pair{std::string_view(".lora_linear_layer.down.weight"), Part::down},
    std::pair{std::string_view(".lora_linear_layer.up.weight"), Part::up},
    std::pair{std::string_view("_lora.down.weight"), Part::down},
    std::pair{std::string_view("_lora.up.weight"), Part::up},
    std::pair{std::string_view(".alpha"), Part::alpha},
};

// The first prefix that matches; names without one belong to the UNet, as in diffusers' first files.
constexpr std::array kComponents{
    std::pair{std::string_view("lora_unet_"), "unet"},
    std::pair{std::string_view("lora_te_"), "text_encoder"},
    std::pair{std::string_view("lora_te1_"), "text_encoder"},
    std::pair{std::string_view("lora_te2_"), "text_encoder_2"},
    std::pair{std::string_view("unet."), "unet"},
    std::pair{std::string_view("text_encoder."), "text_encoder"},
    std::pair{std::string_view("text_encoder_2."), "text_encoder_2"},
    std::pair{std::string_view(), "unet"},
};

// Other formats that are published as LoRAs, by substrings of their keys.
constexpr std::array kOtherKinds{
    std::pair{"hada_", "LoHa"},
    std::pair{"lokr_", "LoKr"},
    std::pair{"dora_scale", "DoRA"},
    std::pair{"lora_magnitude_vector", "DoRA"},
    std::pair{"lora_mid", "a Tucker decomposition"},
    std::pair{"oft_", "OFT"},
    std::pair{".diff", "a whole difference"},
    std::pair{"bias", "a change of a bias"},
    std::pair{"emb_params", "textual inversion"},
};

Shape without_ones(Shape shape) {
  while (!shape.empty() && shape.back() == 1) shape.pop_back();
  return shape;
}

/// The tensors of one layer in a file, with their names.
struct Layer {
  using Tensor = const std::pair<const std::string, TensorView>*;

  std::string module;  ///< in diffusers' spelling, without `text_model.`
  std::array<Tensor, 3> parts{};

  Tensor operator[](Part part) const { return parts.at(static_cast<std::size_t>(part)); }
};

class LoraReader {
 public:
  LoraReader(const Safetensors& file, const LoraModel& model) : file_(file), alphas_(file) {
    for (const auto& [component, shapes] : model) modules_.emplace(component, LoraModules(component, shapes));
    for (const auto& tensor : file.tensors) sort_in(tensor);
    if (!strangers_.empty()) fail_for_strangers();
    if (layers_.empty()) throw ModelError(file_.path.string() + ": no LoRA: it has no tensors");
  }

  std::vector<LoraChange> changes() const {
    std::vector<LoraChange> changes;
    for (const auto& [place, layer] : layers_) changes.push_back(change(place.first, *place.second, layer));
    return changes;
  }

 private:
  using Weight = LoraModules::Weight;

  [[noreturn]] void fail(const std::string& key, const std::string& problem) const {
    throw ModelError(file_.path.string() + ": tensor " + excerpt(key) + ": " + problem);
  }

  void sort_in(const std::pair<const std::string, TensorView>& tensor) {
    const std::string& key = tensor.first;
    const auto* const ending = std::ranges::find_if(kEndings, [&](const auto& row) { return key.ends_with(row.first); });
    if (ending == kEndings.end()) fail_for_kind(key);
    const auto* const component = std::ranges::find_if(kComponents, [&](const auto& row) { return key.starts_with(row.first); });
    std::string module = key.substr(0, key.size() - ending->first.size());
    module.erase(0, std::min(component->first.size(), module.size()));
    if (const auto at = module.find(".processor."); at != module.npos) module.erase(at, std::strlen(".processor"));

    const auto modules = modules_.find(component->second);
    const Weight* const weight = modules == modules_.end() ? nullptr : modules->second.find(module);
    if (!weight) {
      strangers_.push_back(excerpt(key));
      return;
    }
    auto& part = layers_[{component->second, weight}].parts.at(static_cast<std::size_t>(ending->second));
    if (part) fail(key, "the same weight as " + excerpt(part->first) + ", which is there as well");
    part = &tensor;
  }

  [[noreturn]] void fail_for_kind(const std::string& key) const {
    std::string found = "not a LoRA's tensor";
    for (const auto& [mark, kind] : kOtherKinds) {
      if (key.find(mark) != key.npos) {
        found = kind;
        break;
      }
    }
    fail(key, "expected a LoRA's lora_down.weight, lora_up.weight (or lora_A.weight, lora_B.weight) or alpha, found " + found +
                  "; other kinds of changes are not read");
  }

  [[noreturn]] void fail_for_strangers() const {
    constexpr std::size_t kMost = 3;
    std::string some;
    for (std::size_t i = 0; i < std::min(strangers_.size(), kMost); ++i) some += (i > 0 ? ", " : "") + strangers_[i];
    throw ModelError(file_.path.string() + ": is made for another model: it changes layers that this one does not have (" +
                     std::to_string(strangers_.size()) + " of its " + std::to_string(file_.tensors.size()) + " tensors), such as " + some);
  }

  LoraChange change(const std::string& component, const Weight& weight, const Layer& layer) const {
    const auto* const down = layer[Part::down];
    const auto* const up = layer[Part::up];
    if (!down || !up) {
      const auto* const alone = down ? down : up ? up : layer[Part::alpha];
      fail(alone->first, std::string("expected with it ") +
                             (down ? "the up"
                              : up ? "the down"
                                   : "the down and the up") +
                             " part of the same layer, found none");
    }
    for (const auto* const part : {down, up}) {
      const DType dtype = part->second.dtype;
      if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16)
        fail(part->first, "expected F32, F16 or BF16, found " + std::string(name_of(dtype)));
    }
    const Shape& found = down->second.shape;
    const std::size_t rank = found.empty() ? 0 : found[0];
    if (rank < 1 || rank > kMaxLoraRank)
      fail(down->first, "expected a rank of 1 to " + std::to_string(kMaxLoraRank) + ", found shape " + to_string(found));
    Shape expected = weight.second;
    expected[0] = rank;
    check_shape(*down, expected, weight);
    check_shape(*up, {weight.second[0], rank}, weight);
    return {component, weight.first, {up->second, down->second, file_.file, scale(component, weight, layer, rank)}};
  }

  void check_shape(const std::pair<const std::string, TensorView>& tensor, const Shape& expected, const Weight& weight) const {
    if (without_ones(tensor.second.shape) == without_ones(expected)) return;
    fail(tensor.first, "expected shape " + to_string(expected) + " for " + weight.first + " of " + to_string(weight.second) + ", found " +
                           to_string(tensor.second.shape) + "; is it made for another model?");
  }

  float scale(const std::string& component, const Weight& weight, const Layer& layer, std::size_t rank) const {
    const auto* const alpha = layer[Part::alpha];
    if (!alpha) return alphas_.scale(component, weight.first, rank);
    const TensorView& view = alpha->second;
    const std::size_t elements = view.data.size() / size_of(view.dtype);
    if (elements != 1) fail(alpha->first, "expected one number, found shape " + to_string(view.shape));
    float value = 0;
    if (view.dtype == DType::i64) {
      std::int64_t integer = 0;
      std::memcpy(&integer, view.data.data(), sizeof integer);
      value = static_cast<float>(integer);
    } else if (view.dtype == DType::f32 || view.dtype == DType::f16 || view.dtype == DType::bf16) {
      to_floats(view, 0, std::span(&value, 1));
    } else {
      fail(alpha->first, "expected F32, F16, BF16 or I64, found " + std::string(name_of(view.dtype)));
    }
    if (!std::isfinite(value)) fail(alpha->first, "expected a finite number");
    return value / static_cast<float>(rank);
  }

  const Safetensors& file_;
  LoraAlphas alphas_;
  std::map<std::string, LoraModules> modules_;  ///< by component
  std::map<std::pair<std::string, const Weight*>, Layer> layers_;
  std::vector<std::string> strangers_;
};

}  // namespace

std::vector<LoraChange> read_lora(const Safetensors& file, const LoraModel& model) { return LoraReader(file, model).changes(); }

}  // namespace p2p::engine
