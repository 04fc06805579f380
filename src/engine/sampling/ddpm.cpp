#include <algorithm>
#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

enum class Variance : std::uint8_t { small, small_log, large };

Variance read_variance(const ConfigReader& config) {
  const std::string type = config.text("variance_type", "fixed_small");
  if (type == "fixed_small") return Variance::small;
  if (type == "fixed_small_log") return Variance::small_log;
  if (type == "fixed_large") return Variance::large;
  config.fail("variance_type", "expected fixed_large, fixed_small or fixed_small_log, found " + excerpt(type));
}

constexpr auto kKeys = scheduler_keys("variance_type", "clip_sample", "clip_sample_range", "thresholding", "dynamic_thresholding_ratio",
                                      "sample_max_value", "rescale_betas_zero_snr");

struct Config {
  explicit Config(const ConfigReader& config)
      : alphas_cumprod(read_alphas_cumprod(config, {.accepts_sigmoid = true})),
        spacing(config, TimestepSpacing::Kind::leading),
        prediction(read_prediction(config)),
        variance(read_variance(config)),
        clip(read_clip(config, true)) {
    expect_only(config, "thresholding", false);
  }

  std::vector<float> alphas_cumprod;
  TimestepSpacing spacing;
  Prediction prediction;
  Variance variance;
  float clip;
};

/// DDPMScheduler.
class Ddpm final : public AlphaScheduler {
 public:
  Ddpm(const std::shared_ptr<const Config>& config, int steps)
      : AlphaScheduler({config, &config->alphas_cumprod}, config->spacing.whole(steps)), config_(config) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    const float now = alpha(timestep(i));
    const float next = i + 1 < timesteps().size() ? alpha(timestep(i + 1)) : 1.0F;
    const float ratio = now / next;
    const float beta = 1.0F - ratio;
    const float picture_weight = std::sqrt(now);
    const float noise_weight = std::sqrt(1.0F - now);
    const float next_picture_weight = std::sqrt(next) * beta / (1.0F - now);
    const float sample_weight = std::sqrt(ratio) * (1.0F - next) / (1.0F - now);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      float picture = picture_and_noise(config_->prediction, model_output[k], sample[k], picture_weight, noise_weight).picture;
      picture = std::clamp(picture, -config_->clip, config_->clip);
      sample[k] = next_picture_weight * picture + sample_weight * sample[k];
    }
    if (timestep(i) <= 0) return;
    float deviation = std::sqrt(std::max((1.0F - next) / (1.0F - now) * beta, 1e-20F));
    if (config_->variance == Variance::large) deviation = std::sqrt(beta);
    noise_.resize(sample.size());
    rng.randn(noise_);
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] += deviation * noise_[k];
  }

 private:
  std::shared_ptr<const Config> config_;
  std::vector<float> noise_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) { return std::make_unique<Ddpm>(config, steps); };
}

}  // namespace

constinit const SchedulerClass kDdpmScheduler{.name = "DDPMScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
