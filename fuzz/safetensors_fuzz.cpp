// Input: a safetensors file. Result: tensors inside the input, which can be read with their scales, or a ModelError.

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "engine/checkpoint/floats.hpp"
#include "engine/checkpoint/safetensors.hpp"
#include "engine/checkpoint/weight_scales.hpp"

namespace {

using namespace p2p::engine;

void parse(std::span<const std::byte> bytes) {
  try {
    std::size_t used = 0;
    Tensors tensors = parse_safetensors(bytes, "x.safetensors").tensors;
    for (const auto& [name, view] : tensors) {
      if (view.data.size() != byte_size(view.dtype, view.shape)) std::abort();
      if (view.data.data() < bytes.data() || view.data.data() + view.data.size() > bytes.data() + bytes.size()) std::abort();
      used += view.data.size();
    }
    if (used > bytes.size()) std::abort();  // tensors overlap
    apply_weight_scales(tensors, "x.safetensors");
    for (const auto& [name, view] : tensors) {
      if (view.dtype != DType::f8_e8m0) to_floats(view);
    }
  } catch (const p2p::ModelError& error) {
    if (std::string_view(error.what()).size() > 4096) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  parse(input);

  // Again with a matching header length (up to the last brace), which mutation rarely finds.
  std::uint64_t header_size = 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t brace = text.rfind('}');
  if (brace == text.npos || brace < sizeof header_size) return 0;
  std::vector<std::byte> bytes(input.begin(), input.end());
  header_size = brace + 1 - sizeof header_size;
  std::memcpy(bytes.data(), &header_size, sizeof header_size);
  parse(bytes);
  return 0;
}
