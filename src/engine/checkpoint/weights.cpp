#include "engine/checkpoint/weights.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "base/error.hpp"
#include "engine/checkpoint/weight_patches.hpp"

namespace p2p::engine {
namespace {

Weights::Tensor zero_tensor(DType dtype, const Shape& shape) { return allocate_tensor(dtype, shape).tensor; }

/// As a type that graphs take: scaled and 64-bit tensors become f32; bf16 holds every value of the 8-bit types.
Weights::Tensor converted(const Weights::Tensor& tensor) {
  const TensorView& view = tensor.view;
  if (view.scales.empty() && !is_f8(view.dtype) && view.dtype != DType::f64) return tensor;
  const DType dtype = view.scales.empty() && is_f8(view.dtype) ? DType::bf16 : DType::f32;
  const NewTensor result = allocate_tensor(dtype, view.shape);
  constexpr std::size_t kStep = 1 << 16;
  std::vector<float> values;
  const std::size_t count = view.data.size() / size_of(view.dtype);
  for (std::size_t at = 0; at < count; at += kStep) {
    values.resize(std::min(kStep, count - at));
    to_floats(view, at, values);
    from_floats(values, dtype, result.data.data() + at * size_of(dtype));
  }
  return result.tensor;
}

std::string joined(const std::vector<std::string>& lines) {
  constexpr std::size_t kMost = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kMost); ++i) text += "\n  " + lines[i];
  if (lines.size() > kMost) text += "\n  and " + std::to_string(lines.size() - kMost) + " more";
  return text;
}

}  // namespace

Weights::Weights(const std::filesystem::path& folder) : Weights(open_weights(folder)) {}

Weights::Weights(WeightFiles files) : files_(std::move(files)) {}

Weights Weights::zeros() {
  Weights weights;
  weights.zeros_ = true;
  return weights;
}

bool Weights::has(std::string_view name) const { return files_.tensors.contains(name); }

Weights::Tensor Weights::get(const std::string& name, const Shape& shape) {
  if (!finished_) requested_.emplace(name, shape);
  if (zeros_) return zero_tensor(DType::bf16, shape);
  const auto found = files_.tensors.find(name);
  if (found == files_.tensors.end()) {
    problems_.push_back(name + ": missing, expected shape " + to_string(shape));
    return zero_tensor(DType::bf16, shape);
  }
  const auto& entry = found->second;
  const DType dtype = entry.view.dtype;
  if (entry.view.shape != shape) {
    problems_.push_back(name + ": expected shape " + to_string(shape) + ", found " + to_string(entry.view.shape) + " in " +
                        entry.path.filename().string());
    return zero_tensor(DType::bf16, shape);
  }
  if (!is_floating(dtype)) {
    problems_.push_back(name + ": expected F32, F16, BF16, F64 or F8, found " + std::string(name_of(dtype)) + " in " +
                        entry.path.filename().string());
    return zero_tensor(DType::bf16, shape);
  }
  const Tensor tensor{entry.view, entry.owner};
  return converted(patches_ ? patches_->apply(name, tensor) : tensor);
}

void Weights::ignore(std::string_view name_or_prefix) { ignored_.emplace(name_or_prefix); }

void Weights::finish() {
  strays_.clear();
  for (const auto& [name, entry] : files_.tensors) {
    const bool ignored =
        std::ranges::any_of(ignored_, [&](const std::string& word) { return word.ends_with('.') ? name.starts_with(word) : name == word; });
    if (!ignored && !requested_.contains(name)) {
      strays_.push_back(name);
    }
  }
  if (!problems_.empty()) {
    throw ModelError(files_.folder.string() + ": the weights do not fit config.json (" + std::to_string(problems_.size()) +
                     " differences); is the folder complete and of one model?" + joined(problems_));
  }
  finished_ = true;
}

// Anonymous pages take no memory until they are written to.
NewTensor allocate_tensor(DType dtype, const Shape& shape) {
  const std::size_t bytes = byte_size(dtype, shape);
  const std::size_t mapped = std::max<std::size_t>(bytes, 1);
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw ModelError("cannot reserve " + std::to_string(mapped) + " bytes for a tensor of shape " + to_string(shape));
  const std::shared_ptr<void> owner(memory, [mapped](void* p) { munmap(p, mapped); });
  const std::span data(static_cast<std::byte*>(memory), bytes);
  return {.tensor = {.view = {dtype, shape, data}, .owner = owner}, .data = data};
}

}  // namespace p2p::engine
