#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/scheduler.hpp"
#include "engine/sampling/timesteps.hpp"

/// What several schedulers share. A loop's constants are float32 as diffusers' tensors are.
namespace p2p::engine {

enum class Prediction : std::uint8_t { epsilon, v_prediction, sample };

/// Reads prediction_type. Throws ModelError, also for `sample` where the class does not know it.
Prediction read_prediction(const ConfigReader& config, bool knows_sample = true);

/// Reads clip_sample and clip_sample_range: the bound of the predicted picture, infinity where it is not clipped. Throws ModelError.
float read_clip(const ConfigReader& config, bool fallback);

/// Throws ModelError where the key is there and not `only`, the one value that is supported.
void expect_only(const ConfigReader& config, std::string_view key, const Json& only);

/// A sample at a whole timestep t is sqrt(alpha_t) x picture + sqrt(1 - alpha_t) x noise.
class AlphaScheduler : public Scheduler {
 public:
  std::span<const float> timesteps() const override { return timesteps_; }
  float init_noise_sigma() const override { return 1.0F; }
  void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const override;
  void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const override;

 protected:
  /// Throws UsageError where a timestep lies beyond the training's, as steps_offset may have it.
  AlphaScheduler(std::shared_ptr<const std::vector<float>> alphas_cumprod, std::vector<float> timesteps);

  /// alphas_cumprod[t], from its end where t is negative, as Python has it. Throws UsageError where t is beyond its end.
  float alpha(int t) const;
  int timestep(std::size_t i) const { return static_cast<int>(timesteps_[i]); }

 private:
  std::shared_ptr<const std::vector<float>> alphas_cumprod_;
  std::vector<float> timesteps_;
};

/// The two weights and the logarithm of their ratio at a noise level: a sample is alpha x picture + sigma x noise.
struct NoiseLevel {
  explicit NoiseLevel(float level);

  float alpha;
  float sigma;
  float lambda;
};

/// The solvers of DPM's kind: a sample at a noise level is as NoiseLevel says.
class LevelScheduler : public Scheduler {
 public:
  std::span<const float> timesteps() const override { return timesteps_; }
  float init_noise_sigma() const override { return 1.0F; }
  void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const override;
  void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const override;

 protected:
  /// One level more than timesteps.
  LevelScheduler(std::vector<float> timesteps, std::vector<float> sigmas) : timesteps_(std::move(timesteps)), sigmas_(std::move(sigmas)) {}

  NoiseLevel level(std::size_t i) const { return NoiseLevel(sigmas_[i]); }

  /// What a network's output at evaluation `i` predicts: the picture (`data`), or the noise.
  std::vector<float> converted(Prediction prediction, bool data, std::span<const float> model_output, std::span<const float> sample,
                               std::size_t i) const;

 private:
  std::vector<float> timesteps_;
  std::vector<float> sigmas_;
};

/// The solvers of Euler's kind: a sample at a noise level is picture + sigma x noise, and the network is given it scaled to unit variance.
class SigmaScheduler : public Scheduler {
 public:
  std::span<const float> timesteps() const override { return timesteps_; }
  float init_noise_sigma() const override { return init_noise_sigma_; }
  void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const override;
  void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const override;

 protected:
  /// At least one level more than timesteps.
  SigmaScheduler(std::vector<float> timesteps, std::vector<float> sigmas, TimestepSpacing::Kind spacing);

  float sigma(std::size_t i) const { return sigmas_[i]; }

 private:
  std::vector<float> timesteps_;
  std::vector<float> sigmas_;
  float init_noise_sigma_;
};

/// The picture that a network's output for a sample of Euler's kind at level `sigma` stands for.
class SigmaDenoiser {
 public:
  SigmaDenoiser(Prediction prediction, float sigma);

  float operator()(float sample, float model_output) const;

 private:
  Prediction prediction_;
  float sigma_;
  float variance_;  ///< of such a sample
  float v_weight_;
};

/// `sigmas` with `last` after them, as float32.
std::vector<float> with_last(std::span<const double> sigmas, double last);

}  // namespace p2p::engine
