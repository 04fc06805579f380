#include "engine/checkpoint/lora_layer.hpp"

namespace p2p::engine {
namespace {

using enum LoraPart;
using Tensor = LoraParts::Tensor;

float alpha_scale(const LoraParts& parts, std::size_t rank) {
  return parts.has(alpha) ? parts.number(alpha) / static_cast<float>(rank) : 1;
}

/// The middle of a product, if the file has it.
const Tensor* core_of(const LoraParts& parts, LoraPart core) { return parts.has(core) ? &parts.get(core, core, "") : nullptr; }

Decomposition low_rank(const LoraParts& parts, const LoraAlphas& alphas, const std::string& component) {
  const Tensor& first = parts.get(down, up, "the down part");
  const Tensor& last = parts.get(up, down, "the up part");
  const std::size_t rank = parts.rank_of(first);
  return {.first = parts.product(last, first, core_of(parts, mid), false, parts.out(), parts.in()),
          .scale = parts.has(alpha) ? alpha_scale(parts, rank) : alphas.scale(component, parts.weight().first, rank)};
}

Decomposition loha(const LoraParts& parts, LoraPart with) {
  const char* const others = "the other hada_ tensors";
  const bool tucker = parts.has(t1) || parts.has(t2);
  const auto half = [&](LoraPart a, LoraPart b, LoraPart core) {
    return parts.product(parts.get(a, with, others), parts.get(b, with, others), tucker ? &parts.get(core, with, others) : nullptr, tucker,
                         parts.out(), parts.in());
  };
  return {.composition = Composition::hadamard,
          .first = half(w1_a, w1_b, t1),
          .second = half(w2_a, w2_b, t2),
          .scale = alpha_scale(parts, parts.rank_of(parts.get(w1_b, with, others)))};
}

// Each factor is whole or a product. Their rows and inputs multiply to those of the weight; only the second has the kernel.
Decomposition lokr(const LoraParts& parts, LoraPart with) {
  const char* const others = "the other lokr_ tensors";
  const bool whole_first = parts.has(lokr_w1);
  const Tensor& a = parts.get(whole_first ? lokr_w1 : lokr_w1_a, with, others);
  const Tensor& b = whole_first ? a : parts.get(lokr_w1_b, with, others);
  const std::size_t rows = parts.side_of(a, 0), inputs = parts.side_of(b, 1);
  if (parts.out() % rows != 0 || parts.in() % inputs != 0)
    parts.fail_for_shape(a, "[a divisor of " + std::to_string(parts.out()) + ", one of " + std::to_string(parts.in()) + "]",
                         parts.weight());

  Decomposition change{.composition = Composition::kronecker};
  if (whole_first) {
    parts.check_shape(a, {rows, inputs});
    change.first = {.up = a.second};
  } else {
    const std::size_t rank = parts.rank_of(b);
    parts.check_shape(b, {rank, inputs});
    parts.check_shape(a, {rows, rank});
    change.first = {.up = a.second, .down = b.second};
    change.scale = alpha_scale(parts, rank);
  }
  const std::size_t other_rows = parts.out() / rows, other_inputs = parts.in() / inputs;
  if (parts.has(lokr_w2)) {
    const Tensor& second = parts.get(lokr_w2, with, others);
    parts.check_shape(second, parts.like_weight(other_rows, other_inputs));
    change.second = {.up = second.second};
  } else {
    const Tensor& last = parts.get(lokr_w2_b, with, others);
    const Tensor* const core = core_of(parts, lokr_t2);
    change.second = parts.product(parts.get(lokr_w2_a, with, others), last, core, core != nullptr, other_rows, other_inputs);
    change.scale = alpha_scale(parts, parts.rank_of(last));
  }
  return change;  // the scale of two whole factors is 1, whatever their alpha
}

Decomposition glora(const LoraParts& parts, LoraPart with) {
  const char* const others = "a1, a2, b1 and b2";
  const Tensor& a1 = parts.get(glora_a1, with, others);
  const Tensor& a2 = parts.get(glora_a2, with, others);
  const std::size_t rank = parts.rank_of(a2);
  parts.check_shape(a2, {rank, parts.in()});
  parts.check_shape(a1, {parts.in(), rank});
  return {.composition = Composition::glora,
          .first = {.up = a1.second, .down = a2.second},
          .second = parts.product(parts.get(glora_b1, with, others), parts.get(glora_b2, with, others), core_of(parts, glora_bm), false,
                                  parts.out(), parts.in()),
          .scale = alpha_scale(parts, rank)};
}

Decomposition ia3_of(const LoraParts& parts) {
  const Tensor& factors = parts.get(ia3, on_input, "the weight");
  const bool inputs = parts.number(on_input) != 0;
  const std::size_t expected = inputs ? parts.in() : parts.out();
  if (byte_size(DType::i8, factors.second.shape) != expected)
    parts.fail_for_shape(factors, "[" + std::to_string(expected) + "]", parts.weight());
  return {.composition = inputs ? Composition::ia3_in : Composition::ia3_out, .first = {.up = factors.second}};
}

Decomposition whole(const LoraParts& parts, LoraPart part, const LoraParts::Weight& of) {
  const Tensor& tensor = parts.get(part, part, "");
  parts.check_shape(tensor, of.second, of);
  return {.first = {.up = tensor.second}};
}

Magnitudes magnitudes(const LoraParts& parts) {
  const bool peft = !parts.has(dora_scale);
  const Tensor& tensor = peft ? parts.get(magnitude, magnitude, "") : parts.get(dora_scale, dora_scale, "");
  const Shape& shape = tensor.second.shape;
  const bool along_inputs = !peft && shape.size() > 1 && shape[0] == 1 && shape[1] != 1;
  if (byte_size(DType::i8, shape) != (along_inputs ? parts.in() : parts.out()))
    parts.fail_for_shape(tensor, "[" + std::to_string(parts.out()) + ", 1] or [1, " + std::to_string(parts.in()) + "]", parts.weight());
  return {.values = tensor.second, .along_inputs = along_inputs, .scales_change = peft};
}

/// The first of the parts that is there.
std::optional<LoraPart> any(const LoraParts& parts, std::initializer_list<LoraPart> wanted) {
  for (const LoraPart part : wanted) {
    if (parts.has(part)) return part;
  }
  return {};
}

std::optional<Decomposition> weight_part(const LoraParts& parts, const LoraAlphas& alphas, const std::string& component) {
  if (any(parts, {down, up})) return low_rank(parts, alphas, component);
  if (const auto with = any(parts, {w1_a, w1_b, w2_a, w2_b})) return loha(parts, *with);
  if (const auto with = any(parts, {lokr_w1, lokr_w1_a, lokr_w2, lokr_w2_a})) return lokr(parts, *with);
  if (const auto with = any(parts, {glora_a1, glora_b1})) return glora(parts, *with);
  if (parts.has(on_input)) return ia3_of(parts);
  return {};
}

}  // namespace

bool fits(LoraPart part, const LoraModules::Layer& layer) {
  if (part == diff_b || part == up_bias) return layer.bias != nullptr;
  return part == diff || layer.weight->second.size() > 1;
}

std::vector<LayerChange> changes_of(const LoraParts& parts, const LoraAlphas& alphas, const std::string& component,
                                    const std::shared_ptr<const MappedFile>& file) {
  std::vector<LayerChange> changes;
  float scale = 1;
  if (auto change = weight_part(parts, alphas, component)) {
    if (any(parts, {dora_scale, magnitude})) change->magnitudes = magnitudes(parts);
    scale = change->scale;
    changes.push_back({parts.weight().first, std::move(*change)});
  }
  if (parts.has(diff)) changes.push_back({parts.weight().first, whole(parts, diff, parts.weight())});
  if (parts.has(diff_b)) changes.push_back({parts.bias().first, whole(parts, diff_b, parts.bias())});
  if (parts.has(up_bias)) {
    changes.push_back({parts.bias().first, whole(parts, up_bias, parts.bias())});
    changes.back().change.scale = scale;
  }
  if (changes.empty()) parts.fail_alone();
  for (LayerChange& change : changes) change.change.file = file;
  return changes;
}

}  // namespace p2p::engine
