// Input: a LoRA for a small model. Result: applicable changes of every kind with matching shapes, and words; or a ModelError.

#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "engine/checkpoint/lora.hpp"
#include "engine/text/textual_inversion.hpp"
#include "fuzz/check.hpp"

namespace {

using namespace p2p::engine;

const LoraModel& model() {
  static const LoraModel model{{"unet",
                                {{"conv_in.weight", {4, 4, 3, 3}},
                                 {"down_blocks.0.resnets.0.conv1.weight", {4, 4, 3, 3}},
                                 {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight", {4, 6}},
                                 {"up_blocks.0.upsamplers.0.conv.weight", {4, 4, 3, 3}},
                                 {"conv_in.bias", {4}},
                                 {"conv_norm_out.weight", {4}},
                                 {"conv_norm_out.bias", {4}}}},
                               {"text_encoder", {{"encoder.layers.0.self_attn.q_proj.weight", {4, 4}}}}};
  return model;
}

void read(std::span<const std::byte> bytes) {
  try {
    const Safetensors file = parse_safetensors(bytes, "x.safetensors");
    const LoraFile lora = read_lora(file, model());
    fuzz::check(lora.unknown.size() <= file.tensors.size());
    for (const LoraChange& change : lora.changes) {
      const Shape& shape = model().at(change.component).at(change.weight);
      fuzz::check(std::isfinite(change.change.scale));
      WeightPatches patches(DType::f32, 1);
      patches.add(change.weight, weight_change(change.change, 0.5F));
      const auto sum = patches.apply(change.weight, allocate_tensor(DType::f32, shape).tensor);
      fuzz::check(sum.view.shape == shape && sum.view.data.size() == byte_size(DType::f32, shape));
    }
    for (const auto& [name, word] : lora.words) read_textual_inversion(word, name);
  } catch (const p2p::ModelError& error) {
    fuzz::check(std::string_view(error.what()).size() < 4096);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read(input);

  // Again as a header only, with its length before it and the required number of zeros after it.
  for (const std::size_t zeros : {32U, 48U, 80U, 120U, 200U}) read(fuzz::with_header(input, zeros));
  return 0;
}
