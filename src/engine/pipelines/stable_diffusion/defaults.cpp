#include "engine/pipelines/stable_diffusion/defaults.hpp"

#include "base/error.hpp"
#include "engine/checkpoint/config_reader.hpp"
#include "engine/pipelines/generation_context.hpp"
#include "engine/pipelines/stable_diffusion/img2img.hpp"
#include "engine/pipelines/strength.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr int kMaxPixels = 8192;

// The only sign of SD-Turbo and SDXL-Turbo. Models for many steps with this schedule rescale their betas.
bool is_turbo(const ModelIndex& index) {
  const ConfigReader scheduler = index.scheduler();
  return index.class_of("scheduler").starts_with("Euler") && scheduler.text("timestep_spacing", "") == "trailing" &&
         !scheduler.boolean("rescale_betas_zero_snr", false);
}

int fit_side(int px, std::size_t multiple) {
  if (px < 1 || px > kMaxPixels) {
    throw UsageError(sentence("side_out_of_range", "width and height: expected 1 to {0} pixels, found {1}", kMaxPixels, px));
  }
  const int m = static_cast<int>(multiple);
  return (px + m - 1) / m * m;
}

// Like diffusers' VaeImageProcessor.
int fit_image_side(int px, std::size_t multiple) {
  const int m = static_cast<int>(multiple);
  if (px < m || px > kMaxPixels)
    throw UsageError(sentence("image_side_out_of_range",
                              "image: expected {0} to {1} pixels a side, found {2}; name a width and a height to draw at", m, kMaxPixels,
                              px));
  return px - px % m;
}

}  // namespace

Defaults Defaults::of(const ModelIndex& index, const UnetConfig& unet, std::size_t upscale, const ModelCard& card) {
  Defaults defaults{.steps = 25, .guidance = 7.5};
  if (index.family() == Family::latent_consistency) defaults = {.steps = 4, .guidance = 8.5};  // the guidance is an input of its network
  if (is_turbo(index)) defaults = {.steps = 4, .guidance = 0};
  const auto pixels = [&](std::size_t latents) { return static_cast<int>((latents > 0 ? latents : 64) * upscale); };
  return {.width = card.width.value_or(pixels(unet.sample_size[1])),
          .height = card.height.value_or(pixels(unet.sample_size[0])),
          .steps = card.steps.value_or(defaults.steps),
          .guidance = card.guidance.value_or(defaults.guidance),
          .strength = default_strength(index.family()),
          .clip_skip = card.clip_skip};
}

GenerateParams Defaults::fill_in(GenerateParams asked, std::size_t upscale, std::vector<Sentence>& notices) const {
  asked.steps = asked.steps.value_or(steps);
  asked.guidance = asked.guidance.value_or(guidance);
  if (*asked.steps < 1) throw UsageError("steps: expected at least 1");
  if (!asked.clip_skip) asked.clip_skip = clip_skip;
  if (asked.clip_skip && *asked.clip_skip < 1) {
    throw UsageError(sentence("clip_skip_too_small", "clip skip: expected at least 1, the last layer, found {0}", *asked.clip_skip));
  }
  asked.decoder_steps = {};  // Würstchen only
  asked.decoder_guidance = {};
  if (asked.image) asked.strength = strength_or(asked.strength, strength, *asked.steps);
  if (asked.strength && !asked.image && !asked.upscale && asked.variations.empty())
    throw UsageError(sentence("strength_alone", "strength: expected a picture to begin with, variations, or an upscale"));
  take_variations(asked);
  if (asked.upscale && !(*asked.upscale > 1 && *asked.upscale <= 4))
    throw UsageError(sentence("upscale_out_of_range", "upscale: expected a number above 1, 4 at most, found {0}", excerpt(*asked.upscale)));
  const auto fit = [&](std::optional<int>& side, int of_image, int own) {
    if (asked.image && !side) return fit_image_side(*(side = of_image), upscale);
    return fit_side(*(side = side.value_or(own)), upscale);
  };
  const int fit_width = fit(asked.width, asked.image ? asked.image->width : 0, width);
  const int fit_height = fit(asked.height, asked.image ? asked.image->height : 0, height);
  take_size(asked, fit_width, fit_height, notices);
  return asked;
}

}  // namespace p2p::engine::stable_diffusion
