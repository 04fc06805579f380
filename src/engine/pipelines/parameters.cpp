#include "engine/pipelines/parameters.hpp"

#include <array>
#include <charconv>

#include "base/json.hpp"

namespace p2p::engine {
namespace {

constexpr std::string_view kKarras = " Karras";

std::string to_text(double value) {
  std::array<char, 32> digits{};  // the shortest form of a double has at most 24
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

/// Readers split at commas, line ends and colons, so a value with one of these is written as a JSON string.
std::string as_field(std::string_view value) {
  if (value.find_first_of(",\n:") == std::string_view::npos) return std::string(value);
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string parameters_text(const GenerateParams& params, const Origin& origin) {
  std::string fields;
  const auto add = [&fields](std::string_view name, const std::string& value) {
    if (!fields.empty()) fields += ", ";
    fields.append(name).append(": ").append(as_field(value));
  };
  if (params.steps) add("Steps", std::to_string(*params.steps));
  // AUTOMATIC1111's web UI names the schedule apart since 1.9.
  const bool karras = origin.sampler.ends_with(kKarras);
  add("Sampler", std::string(origin.sampler.substr(0, origin.sampler.size() - (karras ? kKarras.size() : 0))));
  if (karras) add("Schedule type", std::string(kKarras.substr(1)));
  if (params.guidance) add("CFG scale", to_text(*params.guidance));
  add("Seed", std::to_string(params.seed));
  if (params.width && params.height) add("Size", std::to_string(*params.width) + "x" + std::to_string(*params.height));
  if (!origin.model_hash.empty()) add("Model hash", std::string(origin.model_hash));
  add("Model", std::string(origin.model));
  if (!params.variations.empty()) {
    std::string seeds;
    for (const std::uint64_t seed : params.variations) seeds += (seeds.empty() ? "" : " ") + std::to_string(seed);
    add("Varied with seeds", seeds);
  }
  if (params.clip_skip.value_or(1) > 1) add("Clip skip", std::to_string(*params.clip_skip));
  if (params.strength) add("Denoising strength", to_text(*params.strength));
  if (params.upscale) add("Hires upscale", to_text(*params.upscale));
  if (params.decoder_steps) add("Decoder steps", std::to_string(*params.decoder_steps));
  if (params.decoder_guidance) add("Decoder CFG scale", to_text(*params.decoder_guidance));
  if (!origin.lora_hashes.empty()) add("Lora hashes", std::string(origin.lora_hashes));
  if (!origin.precision.empty()) add("Precision", std::string(origin.precision));
  std::string notices;
  for (const Sentence& notice : origin.notices) notices += (notices.empty() ? "" : "; ") + notice.text;
  if (!notices.empty()) add("Notices", notices);
  add("Version", std::string(origin.program));

  std::string loras;
  for (const Lora& lora : params.loras) {
    const std::string text_weight = lora.text_weight ? to_text(*lora.text_weight) + ":" : "";
    loras += " <lora:" + lora.file.stem().string() + ":" + text_weight + to_text(lora.weight) + ">";
  }
  const std::string negative = params.negative_prompt.empty() ? "" : "\nNegative prompt: " + params.negative_prompt;
  return params.prompt + loras + negative + "\n" + fields;
}

}  // namespace p2p::engine
