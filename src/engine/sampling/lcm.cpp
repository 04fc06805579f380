#include <algorithm>
#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/distilled_timesteps.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

/// diffusers' LCMScheduler ignores timestep_spacing, steps_offset and set_alpha_to_one, which are keys of the class.
constexpr auto kKeys = scheduler_keys("original_inference_steps", "clip_sample", "clip_sample_range", "set_alpha_to_one", "thresholding",
                                      "dynamic_thresholding_ratio", "sample_max_value", "timestep_scaling", "rescale_betas_zero_snr");

struct Config {
  explicit Config(const ConfigReader& config)
      : alphas_cumprod(read_alphas_cumprod(config, {.start = 0.00085, .end = 0.012, .schedule = "scaled_linear"})),
        timesteps(config, static_cast<int>(alphas_cumprod.size())),
        prediction(read_prediction(config)),
        clip(read_clip(config, false)),
        timestep_scaling(static_cast<float>(config.number("timestep_scaling", 1e-3, 1e6, 10.0))) {
    expect_only(config, "thresholding", false);
  }

  std::vector<float> alphas_cumprod;
  DistilledTimesteps timesteps;
  Prediction prediction;
  float clip;
  float timestep_scaling;
};

class Lcm final : public AlphaScheduler {
 public:
  Lcm(const std::shared_ptr<const Config>& config, int steps, double strength)
      : AlphaScheduler({config, &config->alphas_cumprod}, config->timesteps.choose(steps, strength)), config_(config) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    const float now = alpha(timestep(i));
    const float picture_weight = std::sqrt(now);
    const float noise_weight = std::sqrt(1.0F - now);
    // The boundary condition of consistency models: at timestep 0 the output has no weight.
    constexpr float sigma_data = 0.5F;
    const float scaled = timesteps()[i] * config_->timestep_scaling;
    const float variance = scaled * scaled + sigma_data * sigma_data;
    const float c_skip = sigma_data * sigma_data / variance;
    const float c_out = scaled / std::sqrt(variance);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      const float picture = picture_and_noise(config_->prediction, model_output[k], sample[k], picture_weight, noise_weight).picture;
      sample[k] = c_out * std::clamp(picture, -config_->clip, config_->clip) + c_skip * sample[k];
    }
    if (i + 1 == timesteps().size()) return;
    const float next = alpha(timestep(i + 1));
    const float next_picture_weight = std::sqrt(next);
    const float next_noise_weight = std::sqrt(1.0F - next);
    noise_.resize(sample.size());
    rng.randn(noise_);
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = next_picture_weight * sample[k] + next_noise_weight * noise_[k];
  }

 private:
  std::shared_ptr<const Config> config_;
  std::vector<float> noise_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) { return std::make_unique<Lcm>(config, steps, 1.0); };
}

}  // namespace

constinit const SchedulerClass kLcmScheduler{.name = "LCMScheduler", .read = read, .keys = kKeys};

std::unique_ptr<Scheduler> make_lcm(const ConfigReader& config, int steps, double strength) {
  return std::make_unique<Lcm>(std::make_shared<const Config>(config), steps, strength);
}

}  // namespace p2p::engine
