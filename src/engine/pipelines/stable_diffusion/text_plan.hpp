#pragma once

#include <string>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"
#include "engine/text/prompt_schedule.hpp"

namespace p2p::engine::stable_diffusion {

/// The texts of a picture.
struct TextPlan {
  std::vector<PromptSchedule> schedules;  ///< of each part of the prompt that AND joins
  std::vector<double> weights;            ///< of each part
  PromptSchedule negative;
};

/// More parts are refused: each is evaluated at every step.
inline constexpr std::size_t kMaxPromptParts = 16;

/// Reads prompt and negative_prompt for a loop of `steps`, unless `plain`. Adds notices where the result may surprise: syntax that is read
/// as words, a weight of the whole prompt. Throws UsageError for more than kMaxPromptParts.
TextPlan plan_texts(const GenerateParams& params, int steps, std::vector<Sentence>& notices);

/// Whether the prompt has several parts or a weight, so that it needs the negative prompt even without guidance.
bool is_composed(const GenerateParams& params);

}  // namespace p2p::engine::stable_diffusion
