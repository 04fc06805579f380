#include "engine/checkpoint/weights.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.hpp"
#include "engine/checkpoint/weight_patches.hpp"

namespace p2p::engine {
namespace {

Weights::Tensor zero_tensor(DType dtype, const Shape& shape) { return allocate_tensor(dtype, shape).tensor; }

float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16;
  const int exponent = (h >> 10) & 31;
  const std::uint32_t mantissa = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (static_cast<std::uint32_t>(exponent + 112) << 23) | (mantissa << 13));
}

std::uint16_t to_bfloat(float value) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<std::uint16_t>(bits >> 16);
}

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
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
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16) {
    problems_.push_back(name + ": expected F32, F16 or BF16, found " + std::string(name_of(dtype)) + " in " +
                        entry.path.filename().string());
    return zero_tensor(DType::bf16, shape);
  }
  const Tensor tensor{entry.view, entry.owner};
  return patches_ ? patches_->apply(name, tensor) : tensor;
}

void Weights::ignore(std::string_view name_or_prefix) { ignored_.emplace(name_or_prefix); }

void Weights::finish() {
  for (const auto& [name, entry] : files_.tensors) {
    const bool ignored =
        std::ranges::any_of(ignored_, [&](const std::string& word) { return word.ends_with('.') ? name.starts_with(word) : name == word; });
    if (!ignored && !requested_.contains(name)) {
      problems_.push_back(name + ": not part of this network, found shape " + to_string(entry.view.shape) + " in " +
                          entry.path.filename().string());
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

void to_floats(const TensorView& view, std::size_t begin, std::span<float> out) {
  if (out.empty()) return;  // the address of an empty tensor may be null, which memcpy does not accept
  const std::byte* from = view.data.data() + begin * size_of(view.dtype);
  switch (view.dtype) {
    case DType::f32:
      std::memcpy(out.data(), from, out.size_bytes());
      return;
    case DType::bf16:
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(from + 2 * i)) << 16);
      }
      return;
    case DType::f16:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = half_to_float(load<std::uint16_t>(from + 2 * i));
      return;
    default:
      throw ModelError("a tensor of type " + std::string(name_of(view.dtype)) + " where floating-point weights are needed");
  }
}

std::vector<float> to_floats(const TensorView& view) {
  std::vector<float> values(view.data.size() / size_of(view.dtype));
  to_floats(view, 0, values);
  return values;
}

void from_floats(std::span<const float> values, DType dtype, std::byte* out) {
  if (values.empty()) return;
  if (dtype == DType::f32) {
    std::memcpy(out, values.data(), values.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t rounded = to_bfloat(values[i]);
    std::memcpy(out + 2 * i, &rounded, sizeof rounded);
  }
}

}  // namespace p2p::engine
