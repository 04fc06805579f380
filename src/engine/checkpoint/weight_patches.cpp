#include "engine/checkpoint/weight_patches.hpp"

#include <algorithm>
#include <thread>

namespace p2p::engine {
namespace {

struct Factors {
  std::size_t rank;
  std::vector<float> up;  ///< [out, rank], scaled
  std::vector<float> down;
};

// row += factors * down, with four rows of `down` per pass over `row`, because loads and stores dominate the time.
void add_products(std::span<float> row, std::span<const float> factors, std::span<const float> down) {
  const std::size_t n = row.size();
  float* const to = row.data();
  std::size_t k = 0;
  for (; k + 4 <= factors.size(); k += 4) {
    const float a = factors[k], b = factors[k + 1], c = factors[k + 2], d = factors[k + 3];
    const float* const from = down.data() + k * n;
    for (std::size_t j = 0; j < n; ++j) to[j] += a * from[j] + b * from[n + j] + c * from[2 * n + j] + d * from[3 * n + j];
  }
  for (; k < factors.size(); ++k) {
    const float* const from = down.data() + k * n;
    for (std::size_t j = 0; j < n; ++j) to[j] += factors[k] * from[j];
  }
}

Factors factors_of(const LowRankChange& change) {
  Factors factors{.rank = change.down.shape[0], .up = to_floats(change.up), .down = to_floats(change.down)};
  for (float& value : factors.up) value *= change.scale;
  return factors;
}

}  // namespace

Weights::Tensor WeightPatches::apply(std::string_view name, const Weights::Tensor& tensor) const {
  const auto found = changes_.find(name);
  if (found == changes_.end()) return tensor;
  std::vector<Factors> changes;
  std::size_t total_rank = 0;
  for (const LowRankChange& change : found->second) {
    changes.push_back(factors_of(change));
    total_rank += changes.back().rank;
  }

  const Shape& shape = tensor.view.shape;
  const std::size_t rows = shape[0];
  const std::size_t columns = byte_size(DType::i8, shape) / std::max<std::size_t>(rows, 1);
  const NewTensor sum = allocate_tensor(dtype_, shape);
  const auto compute = [&](std::size_t begin, std::size_t end) {
    std::vector<float> row(columns);
    for (std::size_t i = begin; i < end; ++i) {
      to_floats(tensor.view, i * columns, row);
      for (const Factors& change : changes) add_products(row, std::span(change.up).subspan(i * change.rank, change.rank), change.down);
      from_floats(row, dtype_, sum.data.data() + i * columns * size_of(dtype_));
    }
  };

  constexpr std::size_t kWorthAThread = 1 << 20;  // multiply-adds
  const std::size_t most = threads_ > 0 ? static_cast<std::size_t>(threads_) : std::max(1U, std::thread::hardware_concurrency());
  const std::size_t parts = std::clamp(rows * columns * total_rank / kWorthAThread, std::size_t{1}, std::min(most, rows));
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < parts; ++part) others.emplace_back(compute, rows * part / parts, rows * (part + 1) / parts);
  compute(0, rows / parts);
  return sum.tensor;
}

}  // namespace p2p::engine
