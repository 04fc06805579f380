#include "engine/pipelines/stable_diffusion/text_plan.hpp"

#include "base/error.hpp"
#include "base/json.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

PromptSchedule whole(const std::string& text, int steps) { return {.texts = {{steps, text}}}; }

}  // namespace

TextPlan plan_texts(const GenerateParams& params, int steps, std::vector<Sentence>& notices) {
  if (params.plain) return {.schedules = {whole(params.prompt, steps)}, .weights = {1}, .negative = whole(params.negative_prompt, steps)};

  const std::vector<PromptPart> parts = split_at_and(params.prompt);
  if (parts.size() > kMaxPromptParts) {
    throw UsageError(
        sentence("too_many_prompt_parts", "the prompt joins {0} texts by AND; at most {1} are taken", parts.size(), kMaxPromptParts));
  }
  TextPlan plan{.schedules = {}, .weights = {}, .negative = parse_prompt_schedule(params.negative_prompt, steps)};
  bool literal = plan.negative.literal;
  for (const PromptPart& part : parts) {
    plan.schedules.push_back(parse_prompt_schedule(part.text, steps));
    plan.weights.push_back(part.weight);
    literal = literal || plan.schedules.back().literal;
  }
  if (literal) {
    notices.push_back(
        sentence("editing_literal", "brackets that are no [from:to:when] or [a|b], or a | outside of them, were read as words"));
  }
  if (parts.size() == 1 && parts[0].weight != 1) {
    notices.push_back(sentence("prompt_weight",
                               "the number {0} at the end of the prompt was read as its weight; end the prompt with a comma to draw it",
                               excerpt(parts[0].weight)));
  }
  if (split_at_and(params.negative_prompt).size() > 1)
    notices.push_back(sentence("and_in_negative", "AND joins texts in the prompt only; in the negative prompt it was read as a word"));
  return plan;
}

bool is_composed(const GenerateParams& params) {
  if (params.plain) return false;
  const std::vector<PromptPart> parts = split_at_and(params.prompt);
  return parts.size() > 1 || parts[0].weight != 1;
}

}  // namespace p2p::engine::stable_diffusion
