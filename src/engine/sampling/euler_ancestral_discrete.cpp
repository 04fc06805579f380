#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"
#include "engine/sampling/sigmas.hpp"

namespace p2p::engine {
namespace {

constexpr auto kKeys = scheduler_keys("rescale_betas_zero_snr");

struct Config {
  explicit Config(const ConfigReader& config)
      : sigmas(config, read_alphas_cumprod(config, {.keeps_last_snr = true})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config, false)) {}

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
};

/// EulerAncestralDiscreteScheduler: each step goes below the next noise level and adds noise up to it. The last step draws noise too, with
/// the factor 0.
class EulerAncestralDiscrete final : public SigmaScheduler {
 public:
  EulerAncestralDiscrete(const Config& config, const std::vector<float>& timesteps)
      : SigmaScheduler(timesteps, with_last(config.sigmas.at(timesteps), 0.0), config.spacing.kind()), prediction_(config.prediction) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    const float from = sigma(i);
    const float to = sigma(i + 1);
    const float up = std::sqrt(to * to * (from * from - to * to) / (from * from));
    const float down = std::sqrt(to * to - up * up);
    const float dt = down - from;
    const SigmaDenoiser denoised(prediction_, from);
    noise_.resize(sample.size());
    rng.randn(noise_);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      const float derivative = (sample[k] - denoised(sample[k], model_output[k])) / from;
      sample[k] = sample[k] + derivative * dt + noise_[k] * up;
    }
  }

 private:
  Prediction prediction_;
  std::vector<float> noise_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<EulerAncestralDiscrete>(*config, config->spacing.fractional(steps));
  };
}

}  // namespace

constinit const SchedulerClass kEulerAncestralDiscreteScheduler{.name = "EulerAncestralDiscreteScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
