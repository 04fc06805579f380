#include "engine/checkpoint/original_family.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "engine/checkpoint/original_layout.hpp"

namespace p2p::engine {
namespace {

using Mark = std::pair<std::string_view, std::string_view>;

/// Other kinds of checkpoints, each by a tensor name that only it has.
constexpr std::array kOthers{
    Mark{"edm_mean", "Playground 2.5"},
    Mark{"conditioner.embedders.0.model.", "the refiner of SDXL, or a model of its kind"},
    Mark{"conditioner.embedders.0.open_clip.", "Stable Video Diffusion"},
    Mark{"model.diffusion_model.joint_blocks.", "Stable Diffusion 3"},
    Mark{"joint_blocks.", "Stable Diffusion 3 without its text encoders"},
    Mark{"model.diffusion_model.double_blocks.", "Flux or a model of its kind"},
    Mark{"double_blocks.", "Flux or a model of its kind"},
    Mark{"model.diffusion_model.transformer_blocks.", "a transformer, such as LTX-Video"},
    Mark{"model.diffusion_model.layers.", "a transformer, such as Lumina or Z-Image"},
    Mark{"model.diffusion_model.blocks.", "a transformer, such as Wan"},
};

/// The same, of tensors that some tools leave in a whole checkpoint too.
constexpr std::array kParts{
    Mark{"control_model.", "a ControlNet"},
    Mark{"controlnet_", "a ControlNet"},
    Mark{"lora_", "a LoRA, which goes with a model"},
    Mark{"unet.", "a LoRA or a network of diffusers' names"},
    Mark{"text_encoder.", "a LoRA or a network of diffusers' names"},
    Mark{"string_to_param.", "a textual inversion, which goes with a model"},
    Mark{"emb_params", "a textual inversion, which goes with a model"},
    Mark{"down_blocks.", "one network of diffusers' names; give the folder that it is part of"},
    Mark{"text_model.", "a text encoder alone"},
    Mark{"encoder.", "a VAE alone"},
    Mark{"decoder.", "a VAE alone"},
};

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& found) {
  throw ModelError(file.string() +
                   ": expected a checkpoint of Stable Diffusion 1, 2 or XL in one file, with UNet and text encoder; found " + found);
}

void check_task(const Safetensors& file) {
  const auto first = file.tensors.find(std::string(original_layout::kUnet) + "input_blocks.0.0.weight");
  if (first == file.tensors.end() || first->second.shape.size() != 4) return;
  const std::size_t channels = first->second.shape[1];
  if (const std::string_view task = unet_task(channels); !task.empty())
    refuse(file.path, std::string(task) + ": its UNet takes " + std::to_string(channels) + " channels, one from words alone 4");
}

}  // namespace

std::string_view unet_task(std::size_t channels) {
  constexpr std::array<std::pair<std::size_t, std::string_view>, 4> kTasks{
      {{5, "one that is led by a map of depth"}, {7, "an upscaler"}, {8, "InstructPix2Pix"}, {9, "one for inpainting"}}};
  const auto* const task = std::ranges::find(kTasks, channels, &std::pair<std::size_t, std::string_view>::first);
  return task == kTasks.end() ? "" : task->second;
}

OriginalFamily original_family_of(const Safetensors& file) {
  check_task(file);
  const Tensors& tensors = file.tensors;
  const bool xl = has_prefix(tensors, "conditioner.embedders.1.model.");
  const bool open_clip = has_prefix(tensors, "cond_stage_model.model.");
  const bool clip = has_prefix(tensors, "cond_stage_model.transformer.");
  const auto refuse_if_any = [&](std::span<const Mark> marks) {
    for (const auto& [name, what] : marks) {
      if (has_prefix(tensors, name)) refuse(file.path, std::string(what));
    }
  };
  refuse_if_any(kOthers);
  const bool unet = has_prefix(tensors, std::string(original_layout::kUnet) + "input_blocks.");
  if (!unet) refuse_if_any(kParts);
  if (!unet) refuse(file.path, "no UNet (model.diffusion_model.input_blocks.)");
  if (!xl && !open_clip && !clip) refuse(file.path, "no text encoder (cond_stage_model. or conditioner.embedders.)");
  return xl ? OriginalFamily::sdxl : clip ? OriginalFamily::sd1 : OriginalFamily::sd2;
}

}  // namespace p2p::engine
