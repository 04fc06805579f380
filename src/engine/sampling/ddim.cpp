#include <algorithm>
#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

constexpr auto kKeys = scheduler_keys("clip_sample", "clip_sample_range", "set_alpha_to_one", "thresholding", "dynamic_thresholding_ratio",
                                      "sample_max_value", "rescale_betas_zero_snr");

struct Config {
  explicit Config(const ConfigReader& config)
      : alphas_cumprod(read_alphas_cumprod(config, {})),
        spacing(config, TimestepSpacing::Kind::leading),
        prediction(read_prediction(config)),
        clip(read_clip(config, true)),
        final_alpha(config.boolean("set_alpha_to_one", true) ? 1.0F : alphas_cumprod.front()) {
    expect_only(config, "thresholding", false);
  }

  std::vector<float> alphas_cumprod;
  TimestepSpacing spacing;
  Prediction prediction;
  float clip;
  float final_alpha;
};

/// DDIMScheduler with eta 0.
class Ddim final : public AlphaScheduler {
 public:
  Ddim(const std::shared_ptr<const Config>& config, int steps)
      : AlphaScheduler({config, &config->alphas_cumprod}, config->spacing.whole(steps)),
        config_(config),
        stride_(config->spacing.train() / steps) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    const int previous = timestep(i) - stride_;
    const float now = alpha(timestep(i));
    const float next = previous >= 0 ? alpha(previous) : config_->final_alpha;
    const float picture_weight = std::sqrt(now);
    const float noise_weight = std::sqrt(1.0F - now);
    const float next_picture_weight = std::sqrt(next);
    const float next_noise_weight = std::sqrt(1.0F - next);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      auto [picture, noise] = picture_and_noise(config_->prediction, model_output[k], sample[k], picture_weight, noise_weight);
      picture = std::clamp(picture, -config_->clip, config_->clip);
      sample[k] = next_picture_weight * picture + next_noise_weight * noise;
    }
  }

 private:
  std::shared_ptr<const Config> config_;
  int stride_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) { return std::make_unique<Ddim>(config, steps); };
}

}  // namespace

constinit const SchedulerClass kDdimScheduler{.name = "DDIMScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
