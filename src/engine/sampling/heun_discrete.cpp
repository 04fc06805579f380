#include <algorithm>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"
#include "engine/sampling/sigmas.hpp"

namespace p2p::engine {
namespace {

/// diffusers' class has no arguments sigma_min and sigma_max but reads them from a configuration that another class has left.
constexpr auto kKeys = scheduler_keys("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "clip_sample", "clip_sample_range",
                                      nullable("sigma_min"), nullable("sigma_max"));

struct Config {
  explicit Config(const ConfigReader& config)
      : sigmas(config, read_alphas_cumprod(config, {.start = 0.00085, .end = 0.012, .accepts_exp = true})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config)),
        clip(read_clip(config, false)) {}

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
  float clip;
};

/// All noise levels except the first and the last appear twice: a second evaluation ends a step, then the next step starts.
struct Schedule {
  Schedule(const Config& config, int steps) {
    std::vector<float> once = config.spacing.fractional(steps);
    std::vector<double> levels = config.sigmas.at(once);
    if (config.sigmas.spacing() != Sigmas::Spacing::timesteps) {
      levels = config.sigmas.spread(levels.front(), levels.back(), steps);
      once.clear();
      for (const double level : levels) once.push_back(static_cast<float>(config.sigmas.timestep_of(level)));
    }
    for (std::size_t i = 0; i < once.size(); ++i) {
      timesteps.insert(timesteps.end(), i == 0 ? 1 : 2, once[i]);
      sigmas.insert(sigmas.end(), i == 0 ? 1 : 2, static_cast<float>(levels[i]));
    }
    sigmas.push_back(0.0F);
  }

  std::vector<float> timesteps;
  std::vector<float> sigmas;
};

/// HeunDiscreteScheduler.
class HeunDiscrete final : public SigmaScheduler {
 public:
  HeunDiscrete(const Config& config, Schedule schedule)
      : SigmaScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas), config.spacing.kind()),
        prediction_(config.prediction),
        clip_(config.clip) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    const bool first = derivative_.empty();
    const float now = sigma(i);
    const SigmaDenoiser denoised(prediction_, now);
    const auto derivative = [&](std::size_t k) {
      return (sample[k] - std::clamp(denoised(sample[k], model_output[k]), -clip_, clip_)) / now;
    };
    if (first) {
      sample_.assign(sample.begin(), sample.end());
      derivative_.resize(sample.size());
      dt_ = sigma(i + 1) - now;
      for (std::size_t k = 0; k < sample.size(); ++k) derivative_[k] = derivative(k);
    } else {
      for (std::size_t k = 0; k < sample.size(); ++k) derivative_[k] = (derivative_[k] + derivative(k)) / 2.0F;
    }
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = sample_[k] + derivative_[k] * dt_;
    if (!first) derivative_.clear();
  }

  std::size_t order() const override { return 2; }

 private:
  Prediction prediction_;
  float clip_;
  // State of the first evaluation of a step; the derivative is empty before it.
  std::vector<float> derivative_;
  std::vector<float> sample_;
  float dt_ = 0.0F;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<HeunDiscrete>(*config, Schedule(*config, steps));
  };
}

}  // namespace

constinit const SchedulerClass kHeunDiscreteScheduler{.name = "HeunDiscreteScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
