#include "engine/pipelines/stable_diffusion/pipeline_class.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::string_view kPipeline = "Pipeline";

/// What stands before kPipeline.
constexpr std::array kFamilies{
    std::pair{std::string_view("StableDiffusion"), Family::stable_diffusion},
    std::pair{std::string_view("LatentConsistencyModel"), Family::latent_consistency},
    std::pair{std::string_view("StableDiffusionXL"), Family::xl},
};

/// What follows a family's name in classes that have its networks.
constexpr std::array<std::string_view, 9> kTasks{"",    "Img2Img",  "Inpaint",        "PAG", "PAGImg2Img", "PAGInpaint",
                                                 "SAG", "Panorama", "AttendAndExcite"};
constexpr std::array<std::string_view, 4> kOthersOfOne{"StableDiffusionPipelineSafe", "StableDiffusionInpaintPipelineLegacy",
                                                       "OnnxStableDiffusionPipeline", "FlaxStableDiffusionPipeline"};

/// Parts of the names of other classes, the first that occurs.
constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kOtherKinds{{
    {"ControlNet", "a model with a ControlNet"},
    {"Adapter", "a model with a T2I-Adapter"},
    {"Upscale", "an upscaler"},
    {"Depth2Img", "led by a map of depth"},
    {"Pix2Pix", "InstructPix2Pix"},
    {"GLIGEN", "led by boxes"},
    {"StableDiffusion3", "Stable Diffusion 3"},
    {"StableVideo", "a model of videos"},
    {"Video", "a model of videos"},
    {"Wan", "a model of videos"},
    {"LTX", "a model of videos"},
    {"AnimateDiff", "a model of videos"},
    {"Flux", "Flux"},
    {"StableCascade", "Stable Cascade"},
    {"UnCLIP", "a model of the unCLIP kind"},
    {"Kandinsky", "Kandinsky"},
    {"PixArt", "PixArt"},
    {"HunyuanDiT", "Hunyuan"},
    {"Kolors", "Kolors"},
    {"AuraFlow", "AuraFlow"},
    {"Sana", "Sana"},
    {"Lumina", "Lumina"},
    {"QwenImage", "Qwen-Image"},
    {"Audio", "a model of sounds"},
}};

}  // namespace

std::optional<Family> family_of_pipeline(std::string_view class_name) {
  if (std::ranges::find(kOthersOfOne, class_name) != kOthersOfOne.end()) return Family::stable_diffusion;
  if (!class_name.ends_with(kPipeline)) return std::nullopt;
  const std::string_view kind = class_name.substr(0, class_name.size() - kPipeline.size());
  for (const auto& [name, family] : kFamilies) {
    if (kind.starts_with(name) && std::ranges::find(kTasks, kind.substr(name.size())) != kTasks.end()) return family;
  }
  return std::nullopt;
}

std::string describe_pipeline(std::string_view class_name) {
  const auto* const kind =
      std::ranges::find_if(kOtherKinds, [&](const auto& row) { return class_name.find(row.first) != class_name.npos; });
  return excerpt(std::string(class_name)) + (kind == kOtherKinds.end() ? "" : ", which is " + std::string(kind->second));
}

}  // namespace p2p::engine::stable_diffusion
