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

/// What one call of generate() has in every family: the picture's random numbers, the times of its stages, progress and the stop request.
/// Refers to its arguments. Not for two threads at once.
class GenerationContext {
 public:
  using Clock = std::chrono::steady_clock;

  /// `result.params` are filled in; `weights` name the stages in the order they run.
  GenerationContext(GenerateResult& result, std::vector<StageWeight> weights, const ProgressFn& progress, std::stop_token stop);

  /// Throws Cancelled once a stop was asked for.
  void stop_if_asked() const;
  /// The same, then tells the caller.
  void report(Stage stage, int step, int total, std::function<Image()> preview = {}) const;
  StageTime& time_of(Stage stage);
  /// Ends a step that began at `start` and left `values`: checks, times and reports it.
  void finish_step(Stage stage, int step, int total, Clock::time_point start, std::span<const float> values,
                   std::function<Image()> preview = {});
  /// The last stage: `decode` gives the picture's planes, [3, height, width] in `black`..1, and adds to the stage's time.
  void vae(const std::function<std::vector<float>(StageTime&)>& decode, float black);

  /// The picture of `planes`, as vae()'s decode gives them.
  Image image_of(std::vector<float> planes, float black) const;

  const GenerateParams& params() const { return result_->params; }
  GenerateResult& result() { return *result_; }
  TorchRng& rng() { return rng_; }
  /// For the next of the variations.
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

/// What a vae's `network` makes of `latents`: its output `image`. Adds to `time`, of which it is one step, with all other such runs.
std::vector<float> run_vae(const Network& network, std::span<const float> latents, StageTime& time);

/// Changes `params` to a size that the model can draw; where that is another one, `notices` say so.
void take_size(GenerateParams& params, int width, int height, std::vector<std::string>& notices);

/// Throws Error that names the place (`step` 0: the stage alone) if a value is NaN or infinite.
void check_finite(std::span<const float> values, Stage stage, int step);

}  // namespace p2p::engine
