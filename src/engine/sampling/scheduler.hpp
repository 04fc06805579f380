#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/sampling/torch_rng.hpp"

namespace p2p::engine {

/// What a network predicts.
enum class Prediction : std::uint8_t { epsilon, v_prediction, sample };

/// One of diffusers' schedulers after set_timesteps(), in float32. It holds the state of one picture and is not thread-safe. Spans of one
/// call have one length. A loop begins at evaluation 0, or at a later one for img2img, and continues to the last without gaps.
class Scheduler {
 public:
  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  virtual ~Scheduler() = default;

  /// Input of the network at each evaluation. PNDM and Heun have more evaluations than steps.
  virtual std::span<const float> timesteps() const = 0;

  /// Factor of the initial noise.
  virtual float init_noise_sigma() const = 0;

  /// Scales the sample to the network's input at evaluation `i`.
  virtual void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const = 0;

  /// After evaluation `i`: replaces the sample. Draws from `rng` exactly where diffusers does.
  virtual void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) = 0;

  /// The sample at the start of a loop at evaluation `i`, from a picture and noise without the factor init_noise_sigma().
  virtual void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const = 0;

  /// diffusers' `order`: img2img that leaves out `n` steps begins at evaluation n * order().
  virtual std::size_t order() const { return 1; }
};

/// The picture that the network's output at evaluation `i` predicts from the sample before the step: diffusers' pred_original_sample.
std::vector<float> predicted_original(const Scheduler& scheduler, Prediction prediction, std::size_t i, std::span<const float> sample,
                                      std::span<const float> model_output);

/// Makes the scheduler of a configuration for a number of steps from 1 to num_train_timesteps. Throws UsageError if the class does not
/// support the number. Safe to call from several threads.
using MakeScheduler = std::function<std::unique_ptr<Scheduler>(int steps)>;

}  // namespace p2p::engine
