// Input: a LoRA for a small model. Result: applicable changes with matching shapes, or a ModelError.

#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "engine/checkpoint/lora.hpp"
#include "fuzz/check.hpp"

namespace {

using namespace p2p::engine;

const LoraModel& model() {
  static const LoraModel model{{"unet",
                                {{"conv_in.weight", {4, 4, 3, 3}},
                                 {"down_blocks.0.resnets.0.conv1.weight", {4, 4, 3, 3}},
                                 {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight", {4, 6}},
                                 {"up_blocks.0.upsamplers.0.conv.weight", {4, 4, 3, 3}}}},
                               {"text_encoder", {{"encoder.layers.0.self_attn.q_proj.weight", {4, 4}}}}};
  return model;
}

void read(std::span<const std::byte> bytes) {
  try {
    const Safetensors file = parse_safetensors(bytes, "x.safetensors");
    for (const LoraChange& change : read_lora(file, model())) {
      const Shape& shape = model().at(change.component).at(change.weight);
      fuzz::check(std::isfinite(change.change.scale));
      WeightPatches patches(DType::f32, 1);
      patches.add(change.weight, change.change);
      const auto sum = patches.apply(change.weight, allocate_tensor(DType::f32, shape).tensor);
      fuzz::check(sum.view.shape == shape && sum.view.data.size() == byte_size(DType::f32, shape));
    }
  } catch (const p2p::ModelError& error) {
    fuzz::check(std::string_view(error.what()).size() < 4096);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read(input);

  // Again as a header only, with its length before it and the required number of zeros after it.
  for (const std::size_t zeros : {32U, 48U, 80U}) read(fuzz::with_header(input, zeros));
  return 0;
}
