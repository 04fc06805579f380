#pragma once

#include <filesystem>
#include <span>
#include <vector>

namespace p2p::engine {

/// diffusers' DDPMWuerstchenScheduler in float32. Time is a ratio that falls from 1 (noise) to 0 (picture). Immutable.
class DdpmWuerstchen {
 public:
  /// `s` offsets the cosine, `scaler` bends time; both as in scheduler_config.json.
  explicit DdpmWuerstchen(float s = 0.008F, float scaler = 1.0F);

  /// Reads a scheduler_config.json. Throws ModelError that names the file and the key.
  static DdpmWuerstchen load(const std::filesystem::path& config_file);

  /// The `steps` + 1 times of torch.linspace(1, 0, steps + 1); `steps` is at least 1. A loop runs over each pair of neighbours.
  static std::vector<float> times(int steps);

  /// One step from time `t` to the next one, `t_prev`: replaces `sample`. The three spans have one length. `noise` must be drawn
  /// even if `t_prev` is 0, where it has no effect: later random numbers depend on it.
  void step(std::span<const float> model_output, float t, float t_prev, std::span<float> sample, std::span<const float> noise) const;

  /// The picture that the network's output at time `t` predicts. Both spans have one length.
  std::vector<float> predicted_original(std::span<const float> model_output, float t, std::span<const float> sample) const;

  /// Adds noise to the picture in `sample` for time `t`. Both spans have one length.
  void add_noise(std::span<float> sample, std::span<const float> noise, float t) const;

 private:
  float alpha_cumprod(float t) const;

  float s_;
  float scaler_;
  float alpha_cumprod_at_0_;
};

/// The 30 times of the published 29-step schedule of stage C: small steps down to 2/3, large ones from there.
std::vector<float> wuerstchen_prior_times();

}  // namespace p2p::engine
