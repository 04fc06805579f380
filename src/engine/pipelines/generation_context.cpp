#include "engine/pipelines/generation_context.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace p2p::engine {

GenerationContext::GenerationContext(GenerateResult& result, std::vector<StageWeight> weights, const ProgressFn& progress,
                                     std::stop_token stop)
    : result_(&result), weights_(std::move(weights)), progress_(&progress), stop_(std::move(stop)), rng_(result.params.seed) {
  for (const StageWeight& part : weights_) result.stages.push_back({.stage = part.stage, .step_seconds = {}});
}

void GenerationContext::stop_if_asked() const {
  if (stop_.stop_requested()) throw Cancelled();
}

void GenerationContext::report(Stage stage, int step, int total, std::function<Image()> preview) const {
  stop_if_asked();
  if (!*progress_) return;
  const double fraction = fraction_done(weights_, stage, step, total);
  (*progress_)({.stage = stage, .step = step, .total = total, .fraction = fraction, .preview = std::move(preview)});
}

StageTime& GenerationContext::time_of(Stage stage) { return *std::ranges::find(result_->stages, stage, &StageTime::stage); }

void GenerationContext::finish_step(Stage stage, int step, int total, Clock::time_point start, std::span<const float> values,
                                    std::function<Image()> preview) {
  check_finite(values, stage, step);
  time_of(stage).step_seconds.push_back(since(start));
  if (result_->first_step_seconds == 0) result_->first_step_seconds = since(start_);
  report(stage, step, total, std::move(preview));
}

Image GenerationContext::image_of(std::vector<float> planes, float black) const {
  for (float& value : planes) value = (value - black) / (1 - black);
  return image_from_planes(planes, *params().width, *params().height);
}

void GenerationContext::vae(const std::function<std::vector<float>(StageTime&)>& decode, float black) {
  report(Stage::vae, 0, 1);
  StageTime& time = time_of(Stage::vae);
  const auto start = Clock::now();
  std::vector<float> planes = decode(time);
  check_finite(planes, Stage::vae, 0);
  result_->image = image_of(std::move(planes), black);
  time.seconds += since(start);
  report(Stage::vae, 1, 1);
}

std::vector<float> run_vae(const Network& network, std::span<const float> latents, StageTime& time) {
  Network::Run run(network);
  run.set("latents", latents);
  const auto start = GenerationContext::Clock::now();
  run.execute();
  time.step_seconds.resize(1);
  time.step_seconds[0] += GenerationContext::since(start);
  time.multiply_adds += network.multiply_adds();
  const auto image = run.output("image");
  return {image.begin(), image.end()};
}

void take_size(GenerateParams& params, int width, int height, std::vector<Sentence>& notices) {
  const auto text = [](int w, int h) { return std::to_string(w) + "x" + std::to_string(h); };
  if (width == *params.width && height == *params.height) return;
  notices.push_back(sentence("nearest_size", "drawn at {0}, the size next to {1} that the model can draw", text(width, height),
                             text(*params.width, *params.height)));
  params.width = width;
  params.height = height;
}

Sentence prompt_cut(std::string_view what, std::size_t tokens) {
  if (what == "prompt")
    return sentence("prompt_cut", "the prompt is longer than the model reads: its last {0} tokens were left out", tokens);
  return sentence("negative_prompt_cut", "the negative prompt is longer than the model reads: its last {0} tokens were left out", tokens);
}

void check_finite(std::span<const float> values, Stage stage, int step) {
  if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return;
  throw Error(std::string(name_of(stage)) + (step > 0 ? ": step " + std::to_string(step) : "") +
              ": the result is not finite (NaN or infinity); the weights may be damaged, or need --precision f32");
}

}  // namespace p2p::engine
