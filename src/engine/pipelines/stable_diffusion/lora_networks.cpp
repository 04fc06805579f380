#include "engine/pipelines/stable_diffusion/lora_networks.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/checkpoint/lora.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr double kMaxWeight = 100;
constexpr std::size_t kMaxLoras = 16;

std::string text_encoder_name(std::size_t index) { return index == 0 ? "text_encoder" : "text_encoder_" + std::to_string(index + 1); }

void check(const std::vector<Lora>& loras) {
  if (loras.size() > kMaxLoras)
    throw UsageError(sentence("too_many_loras", "expected at most {0} LoRAs, found {1}", kMaxLoras, loras.size()));
  for (const Lora& lora : loras) {
    if (!(std::abs(lora.weight) <= kMaxWeight && std::abs(lora.text_weight.value_or(0)) <= kMaxWeight))
      throw UsageError(sentence("lora_weight", "the LoRA {0}: expected a weight of -100 to 100", lora.file.filename().string()));
  }
}

std::optional<Sentence> notice_of(const LoraFile& lora, const Safetensors& file) {
  if (lora.unknown.empty()) return {};
  return sentence("lora_part", "the LoRA {0}: {1} of its {2} tensors fit no layer of this model and were left out, such as {3}",
                  file.path.filename().string(), lora.unknown.size(), file.tensors.size(), excerpt(lora.unknown.front()));
}

}  // namespace

LoraNetworks::LoraNetworks(TextEncoders text, std::shared_ptr<const Unet> unet, Precision precision, int threads)
    : text_(std::make_shared<const TextEncoders>(std::move(text))), unet_(std::move(unet)), precision_(precision), threads_(threads) {}

std::shared_ptr<const Networks> LoraNetworks::get(const std::vector<Lora>& loras) const {
  check(loras);
  return networks_.get(loras, [&] { return build(loras); });
}

std::shared_ptr<const Networks> LoraNetworks::build(const std::vector<Lora>& loras) const {
  const auto encoders = text_->weights();
  LoraModel model{{"unet", unet_->weights().requested()}};
  for (std::size_t i = 0; i < encoders.size(); ++i) model.emplace(text_encoder_name(i), encoders[i]->requested());

  std::map<std::string, std::shared_ptr<WeightPatches>> patches;
  std::vector<TextualInversion> words;
  std::vector<Sentence> notices;
  for (const Lora& lora : loras) {
    const Safetensors file = open_safetensors(lora.file);
    LoraFile contents = read_lora(file, model);
    if (auto notice = notice_of(contents, file)) notices.push_back(*std::move(notice));
    for (const auto& [name, word] : contents.words) words.push_back(read_textual_inversion(word, name));
    for (LoraChange& change : contents.changes) {
      auto& component = patches[change.component];
      if (!component) component = std::make_shared<WeightPatches>(precision_ == Precision::bf16 ? DType::bf16 : DType::f32, threads_);
      const bool of_text = change.component != "unet";
      const double weight = of_text ? lora.text_weight.value_or(lora.weight) : lora.weight;
      component->add(change.weight, weight_change(std::move(change.change), static_cast<float>(weight)));
    }
  }
  std::vector<std::shared_ptr<const WeightPatches>> of_encoders;
  bool text_changes = !words.empty();
  for (std::size_t i = 0; i < encoders.size(); ++i) {
    of_encoders.push_back(patches[text_encoder_name(i)]);
    text_changes = text_changes || of_encoders.back();
  }
  return std::make_shared<const Networks>(text_changes ? std::make_shared<const TextEncoders>(text_->changed(of_encoders, words)) : text_,
                                          std::make_shared<Unet>(*unet_, patches["unet"]), precision_, threads_, std::move(notices));
}

}  // namespace p2p::engine::stable_diffusion
