#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/scheduler.hpp"
#include "engine/sampling/timesteps.hpp"

/// Common parts of schedulers. Constants of a loop are float32, like diffusers' tensors.
namespace p2p::engine {

/// Reads prediction_type. Throws ModelError, also for `sample` unless `accepts_sample`.
Prediction read_prediction(const ConfigReader& config, bool accepts_sample = true);

/// Reads clip_sample and clip_sample_range: the bound of the predicted picture, infinity if it is not clipped. Throws ModelError.
float read_clip(const ConfigReader& config, bool fallback);

/// Throws ModelError if the key has another value than `only`, the only one that is supported.
void expect_only(const ConfigReader& config, std::string_view key, const Json& only);

struct PictureAndNoise {
  float picture = 0;
  float noise = 0;
};

/// What a network's output means for one value of a sample that is picture_weight x picture + noise_weight x noise.
inline PictureAndNoise picture_and_noise(Prediction prediction, float output, float sample, float picture_weight, float noise_weight) {
  switch (prediction) {
    case Prediction::epsilon:
      return {(sample - noise_weight * output) / picture_weight, output};
    case Prediction::sample:
      return {output, (sample - picture_weight * output) / noise_weight};
    case Prediction::v_prediction:
      break;
  }
  return {picture_weight * sample - noise_weight * output, picture_weight * output + noise_weight * sample};
}

/// A sample at a whole timestep t is sqrt(alpha_t) x picture + sqrt(1 - alpha_t) x noise.
class AlphaScheduler : public Scheduler {
 public:
  std::span<const float> timesteps() const override { return timesteps_; }
  float init_noise_sigma() const override { return 1.0F; }
  void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const override;
  void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const override;

 protected:
  /// Throws UsageError if a timestep lies beyond the training's, which steps_offset can cause.
  AlphaScheduler(std::shared_ptr<const std::vector<float>> alphas_cumprod, std::vector<float> timesteps);

  /// alphas_cumprod[t], from its end if t is negative, as in Python. Throws UsageError if t is beyond its end.
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

/// Base of DPM-like solvers: samples at a noise level are as in NoiseLevel.
class LevelScheduler : public Scheduler {
 public:
  std::span<const float> timesteps() const override { return timesteps_; }
  float init_noise_sigma() const override { return 1.0F; }
  void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const override;
  void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const override;

 protected:
  /// `sigmas` has one level more than `timesteps`.
  LevelScheduler(std::vector<float> timesteps, std::vector<float> sigmas) : timesteps_(std::move(timesteps)), sigmas_(std::move(sigmas)) {}

  NoiseLevel level(std::size_t i) const { return NoiseLevel(sigmas_[i]); }

  /// Converts the network's output at evaluation `i` to a prediction of the picture (`data`), or of the noise.
  std::vector<float> converted(Prediction prediction, bool data, std::span<const float> model_output, std::span<const float> sample,
                               std::size_t i) const;

 private:
  std::vector<float> timesteps_;
  std::vector<float> sigmas_;
};

/// Base of Euler-like solvers: a sample at a noise level is picture + sigma x noise; the network's input is scaled to unit variance.
class SigmaScheduler : public Scheduler {
 public:
  std::span<const float> timesteps() const override { return timesteps_; }
  float init_noise_sigma() const override { return init_noise_sigma_; }
  void scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const override;
  void add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const override;

 protected:
  /// `sigmas` has at least one level more than `timesteps`.
  SigmaScheduler(std::vector<float> timesteps, std::vector<float> sigmas, TimestepSpacing::Kind spacing);

  float sigma(std::size_t i) const { return sigmas_[i]; }

 private:
  std::vector<float> timesteps_;
  std::vector<float> sigmas_;
  float init_noise_sigma_;
};

/// Converts a network's output for an Euler-like sample at level `sigma` to the predicted picture.
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
