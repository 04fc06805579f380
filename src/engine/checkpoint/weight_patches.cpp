#include "engine/checkpoint/weight_patches.hpp"

#include <algorithm>
#include <thread>

namespace p2p::engine {

Weights::Tensor WeightPatches::apply(std::string_view name, const Weights::Tensor& tensor) const {
  const auto found = changes_.find(name);
  if (found == changes_.end()) return tensor;
  std::vector<RowChange> changes;
  std::size_t work = 0;
  for (const WeightChange& change : found->second) {
    changes.push_back(change(tensor.view));
    work += changes.back().work;
  }

  const Shape& shape = tensor.view.shape;
  const std::size_t rows = shape[0];
  const std::size_t columns = byte_size(DType::i8, shape) / std::max<std::size_t>(rows, 1);
  const NewTensor result = allocate_tensor(dtype_, shape);
  const auto compute = [&](std::size_t begin, std::size_t end) {
    std::vector<float> original(columns), sum(columns);
    for (std::size_t i = begin; i < end; ++i) {
      to_floats(tensor.view, i * columns, original);
      sum = original;
      for (const RowChange& change : changes) change.add(i, original, sum);
      from_floats(sum, dtype_, result.data.data() + i * columns * size_of(dtype_));
    }
  };

  constexpr std::size_t kWorthAThread = 1 << 20;  // multiply-adds
  const std::size_t most = threads_ > 0 ? static_cast<std::size_t>(threads_) : std::max(1U, std::thread::hardware_concurrency());
  const std::size_t parts = std::clamp(rows * columns * work / kWorthAThread, std::size_t{1}, std::min(most, rows));
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < parts; ++part) others.emplace_back(compute, rows * part / parts, rows * (part + 1) / parts);
  compute(0, rows / parts);
  return result.tensor;
}

}  // namespace p2p::engine
