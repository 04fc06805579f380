#include "app/from_picture.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "config/parse_number.hpp"
#include "engine/image/picture_text.hpp"
#include "engine/pipelines/infotext.hpp"

namespace p2p::app {
namespace {

constexpr int kMostSteps = 10'000;
constexpr int kMostSide = 8192;
constexpr std::uint64_t kAnySeed = std::numeric_limits<std::uint64_t>::max();

template <typename Number>
bool take_number(std::optional<Number>& target, const std::string& text, Number min, Number max) {
  const auto value = parse_number<Number>(text, min, max);
  if (value && !target) target = value;
  return value.has_value();
}

bool take_size(engine::GenerateParams& params, const std::string& text) {
  const std::size_t cross = text.find('x');
  if (cross == text.npos) return false;
  const auto width = parse_number<int>(text.substr(0, cross), 1, kMostSide);
  const auto height = parse_number<int>(text.substr(cross + 1), 1, kMostSide);
  if (!width || !height) return false;
  if (!params.width && !params.height) {
    params.width = width;
    params.height = height;
  }
  return true;
}

bool take_seeds(std::vector<std::uint64_t>& seeds, std::string_view text) {
  std::vector<std::uint64_t> read;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const auto seed = parse_number<std::uint64_t>(std::string(text.substr(0, end)), 0, kAnySeed);
    if (!seed) return false;
    read.push_back(*seed);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (seeds.empty()) seeds = read;
  return true;
}

/// AUTOMATIC1111's web UI names the schedule apart from the sampler.
std::string sampler_name(const engine::Infotext& info) {
  const std::string sampler = info.field("Sampler").value_or("");
  const std::string schedule = info.field("Schedule type").value_or("Automatic");
  return schedule == "Automatic" || sampler.ends_with(schedule) ? sampler : sampler + " " + schedule;
}

bool take_field(engine::GenerateParams& params, const engine::Infotext& info, const std::string& name, const std::string& value,
                bool seed_given) {
  if (name == "Steps") return take_number(params.steps, value, 1, kMostSteps);
  if (name == "CFG scale") return take_number(params.guidance, value, 0.0, 50.0);
  if (name == "Clip skip") return take_number(params.clip_skip, value, 1, 256);
  if (name == "Hires upscale") return take_number(params.upscale, value, 1.0, 4.0);
  if (name == "Decoder steps") return take_number(params.decoder_steps, value, 1, kMostSteps);
  if (name == "Decoder CFG scale") return take_number(params.decoder_guidance, value, 0.0, 50.0);
  if (name == "Size") return take_size(params, value);
  if (name == "Varied with seeds") return take_seeds(params.variations, value);
  if (name == "Seed") {
    const auto seed = parse_number<std::uint64_t>(value, 0, kAnySeed);
    if (seed && !seed_given) params.seed = *seed;
    return seed.has_value();
  }
  if (name == "Sampler") {
    const auto sampler = engine::sampler_named(sampler_name(info));
    if (sampler && !params.sampler) params.sampler = sampler;
    return sampler.has_value();
  }
  return false;
}

/// Fields that describe, or that are part of another one.
constexpr std::array<std::string_view, 9> kAbout{"Model",  "Model hash", "Lora hashes", "Schedule type",     "Version",
                                                 "Hashes", "Precision",  "Notices",     "Denoising strength"};

}  // namespace

std::vector<std::string> take_from_picture(const std::filesystem::path& file, engine::GenerateParams& params, bool seed_given,
                                           std::string_view model) {
  const auto text = engine::read_parameters(file);
  if (!text) throw UsageError(file.string() + ": the picture says nothing about how it was made; leave --from out");
  const engine::Infotext info = engine::parse_infotext(*text);
  if (params.prompt.empty()) params.prompt = info.prompt;
  if (params.negative_prompt.empty()) params.negative_prompt = info.negative_prompt;
  std::string left;
  for (const auto& [name, value] : info.fields) {
    if (std::ranges::find(kAbout, name) == kAbout.end() && !take_field(params, info, name, value, seed_given))
      left += (left.empty() ? "" : ", ") + name + ": " + value;
  }
  const std::string name = file.filename().string();
  std::vector<std::string> notes;
  if (!left.empty()) notes.push_back("not taken from " + name + ": " + left);
  if (const auto strength = info.field("Denoising strength")) {
    const bool redraws = params.image || params.upscale || !params.variations.empty();
    if (!redraws || !take_number(params.strength, *strength, 0.0, 1.0))
      notes.push_back(name + " was drawn from another picture, which is not in it; name it with --image");
  }
  if (const auto its = info.field("Model"); its && *its != model)
    notes.push_back(name + " was drawn with the model " + *its + ", this one with " + std::string(model) + "; --model chooses another");
  return notes;
}

}  // namespace p2p::app
