#include <algorithm>
#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/distilled_timesteps.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

/// diffusers' TCDScheduler ignores clip_sample, timestep_spacing, steps_offset and timestep_scaling, which are keys of the class.
constexpr auto kKeys = scheduler_keys("original_inference_steps", "clip_sample", "clip_sample_range", "set_alpha_to_one", "thresholding",
                                      "dynamic_thresholding_ratio", "sample_max_value", "timestep_scaling", "rescale_betas_zero_snr");

struct Config {
  explicit Config(const ConfigReader& config)
      : alphas_cumprod(read_alphas_cumprod(config, {.start = 0.00085, .end = 0.012, .schedule = "scaled_linear"})),
        timesteps(config, static_cast<int>(alphas_cumprod.size())),
        prediction(read_prediction(config)) {}

  std::vector<float> alphas_cumprod;
  DistilledTimesteps timesteps;
  Prediction prediction;
};

/// TCDScheduler with eta 0.3: a step goes below the next noise level and adds noise up to it.
class Tcd final : public AlphaScheduler {
 public:
  Tcd(const std::shared_ptr<const Config>& config, int steps)
      : AlphaScheduler({config, &config->alphas_cumprod}, config->timesteps.choose(steps, 1.0)), config_(config) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    const bool last = i + 1 == timesteps().size();
    const int next_timestep = last ? 0 : timestep(i + 1);
    const float now = alpha(timestep(i));
    const float next = alpha(next_timestep);
    constexpr float kept = 0.7F;
    const float below = alpha(static_cast<int>(std::floor(kept * static_cast<float>(next_timestep))));
    const float picture_weight = std::sqrt(now);
    const float noise_weight = std::sqrt(1.0F - now);
    const float below_picture_weight = std::sqrt(below);
    const float below_noise_weight = std::sqrt(1.0F - below);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      const auto [picture, noise] = picture_and_noise(config_->prediction, model_output[k], sample[k], picture_weight, noise_weight);
      sample[k] = below_picture_weight * picture + below_noise_weight * noise;
    }
    if (last) return;
    const float keep = std::sqrt(next / below);
    const float deviation = std::sqrt(1.0F - next / below);
    noise_.resize(sample.size());
    rng.randn(noise_);
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = keep * sample[k] + deviation * noise_[k];
  }

 private:
  std::shared_ptr<const Config> config_;
  std::vector<float> noise_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) { return std::make_unique<Tcd>(config, steps); };
}

}  // namespace

constinit const SchedulerClass kTcdScheduler{.name = "TCDScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
