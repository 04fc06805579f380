#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/graph/network.hpp"
#include "engine/pipelines/stage_weights.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/sampling/torch_rng.hpp"

namespace p2p::engine {

/// The state of one call of generate(), for all families: random numbers, times of the stages, progress and the stop request.
/// Keeps references to its arguments. Not thread-safe.
class GenerationContext {
 public:
  using Clock = std::chrono::steady_clock;

  /// `result.params` must be complete; `weights` name the stages in the order they run.
  GenerationContext(GenerateResult& result, std::vector<StageWeight> weights, const ProgressFn& progress, std::stop_token stop);

  /// Throws Cancelled if a stop was requested.
  void stop_if_asked() const;
  /// Reports progress to the caller. Throws Cancelled if a stop was requested.
  void report(Stage stage, int step, int total, std::function<Image()> preview = {}) const;
  StageTime& time_of(Stage stage);
  /// Ends a step that began at `start`: checks that its result `values` is finite, records its time and reports it.
  void finish_step(Stage stage, int step, int total, Clock::time_point start, std::span<const float> values,
                   std::function<Image()> preview = {});
  /// The last stage: `decode` returns the planes of the picture, [3, height, width] in `black`..1, and adds to the stage's time.
  void vae(const std::function<std::vector<float>(StageTime&)>& decode, float black);

  /// The picture of `planes` in the format of vae().
  Image image_of(std::vector<float> planes, float black) const;

  const GenerateParams& params() const { return result_->params; }
  GenerateResult& result() { return *result_; }
  TorchRng& rng() { return rng_; }
  /// Restarts the random numbers, for the next variation.
  void reseed(std::uint64_t seed) { rng_ = TorchRng(seed); }
  static double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

 private:
  GenerateResult* result_;
  std::vector<StageWeight> weights_;
  const ProgressFn* progress_;
  std::stop_token stop_;
  TorchRng rng_;
  Clock::time_point start_ = Clock::now();
};

/// Runs the `network` of a vae and returns its output `image`. Adds to `time`; all runs together count as one step.
std::vector<float> run_vae(const Network& network, std::span<const float> latents, StageTime& time);

/// Changes `params` to a size that the model supports, and adds a notice if that is a different one.
void take_size(GenerateParams& params, int width, int height, std::vector<Sentence>& notices);
/// The notice that the end of a text was left out; `what`: prompt or negative prompt.
Sentence prompt_cut(std::string_view what, std::size_t tokens);

/// Throws Error with the stage and the step (unless 0) if a value is NaN or infinite.
void check_finite(std::span<const float> values, Stage stage, int step);

}  // namespace p2p::engine
