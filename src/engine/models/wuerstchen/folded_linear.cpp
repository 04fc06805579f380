#include "engine/models/wuerstchen/folded_linear.hpp"

#include <algorithm>
#include <utility>

#include "engine/graph/ops.hpp"

namespace p2p::engine::wuerstchen {

FoldedLinear::FoldedLinear(Weights& weights, std::string linear, const std::string& mapper, const Sizes& sizes, DType dtype)
    : path_(std::move(linear)),
      sizes_(sizes),
      weight_(weights.get(path_ + ".weight", {sizes.out, sizes.x + sizes.mapped})),
      bias_(weights.get(path_ + ".bias", {sizes.out})),
      mapper_weight_(weights.get(mapper + ".weight", {sizes.mapped, sizes.effnet, 1, 1})),
      mapper_bias_(weights.get(mapper + ".bias", {sizes.mapped})),
      folded_weight_(allocate_tensor(dtype, {sizes.out, sizes.x + sizes.effnet})),
      folded_bias_(sizes.out) {}

void FoldedLinear::fold() {
  if (std::exchange(is_folded_, true)) return;
  const auto [x, effnet, mapped, out] = sizes_;
  const DType dtype = folded_weight_.tensor.view.dtype;
  const std::vector<float> mapper_weight = to_floats(mapper_weight_.view);
  const std::vector<float> mapper_bias = to_floats(mapper_bias_.view);
  folded_bias_ = to_floats(bias_.view);
  std::vector<float> row(x + mapped);
  std::vector<float> folded_row(x + effnet);
  const auto to_effnet = std::span(folded_row).subspan(x);
  for (std::size_t o = 0; o < out; ++o) {
    to_floats(weight_.view, o * row.size(), row);
    std::ranges::copy(std::span(row).first(x), folded_row.begin());
    std::ranges::fill(to_effnet, 0.0F);
    for (std::size_t j = 0; j < mapped; ++j) {
      const float w = row[x + j];
      for (std::size_t e = 0; e < effnet; ++e) to_effnet[e] += w * mapper_weight[j * effnet + e];
      folded_bias_[o] += w * mapper_bias[j];
    }
    from_floats(folded_row, dtype, folded_weight_.data.subspan(o * folded_row.size() * size_of(dtype)).data());
  }
}

Value FoldedLinear::apply(const Value& input, Graph& graph) const {
  const Value weight = graph.weight(folded_weight_.tensor, path_, {sizes_.out, sizes_.x + sizes_.effnet});
  return ops::linear(input, weight, ops::constant(folded_bias_, {sizes_.out}));
}

}  // namespace p2p::engine::wuerstchen
