#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"
#include "engine/sampling/sigmas.hpp"

namespace p2p::engine {
namespace {

/// diffusers' classes have no arguments sigma_min and sigma_max but read them from a configuration that another class has left.
constexpr auto kKeys =
    scheduler_keys("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", nullable("sigma_min"), nullable("sigma_max"));

struct Config {
  Config(const ConfigReader& config, bool adds_noise)
      : ancestral(adds_noise),
        sigmas(config, read_alphas_cumprod(config, {.start = 0.00085, .end = 0.012})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config, false)) {}

  bool ancestral;
  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
};

/// The noise levels of a step.
struct Step {
  float from;
  float middle;  ///< of the second evaluation, which decides the direction; 0 at the last step, which has none
  float to;      ///< without the noise that is added
  float noise;   ///< deviation of the noise that is added
};

float geometric_mean(float a, float b) {
  const float log_b = std::log(b);
  return std::exp(log_b - (log_b - std::log(a)) * 0.5F);
}

/// Two evaluations for each step but the last, at its first and its middle level.
struct Schedule {
  Schedule(const Config& config, int count) {
    std::vector<float> once = config.spacing.fractional(count);
    std::vector<double> spread = config.sigmas.at(once);
    if (config.sigmas.spacing() != Sigmas::Spacing::timesteps) {
      spread = config.sigmas.spread(spread.front(), spread.back(), count);
      once.clear();
      for (const double level : spread) {
        const double timestep = config.sigmas.timestep_of(level);
        once.push_back(static_cast<float>(config.sigmas.spacing() == Sigmas::Spacing::karras ? std::nearbyint(timestep) : timestep));
      }
    }
    const std::vector<float> levels = with_last(spread, 0.0);
    for (std::size_t k = 0; k < once.size(); ++k) {
      const bool last = k + 1 == once.size();
      add_step(config.ancestral, levels[k], levels[k + 1], last);
      timesteps.push_back(once[k]);
      sigmas.push_back(levels[k]);
      if (last) break;
      timesteps.push_back(config.sigmas.timestep_of(steps.back().middle));
      sigmas.push_back(steps.back().middle);
    }
    sigmas.push_back(0.0F);
  }

  void add_step(bool ancestral, float from, float to, bool last) {
    Step step{.from = from, .middle = 0.0F, .to = to, .noise = 0.0F};
    if (ancestral) {
      step.noise = std::sqrt(to * to * (from * from - to * to) / (from * from));
      step.to = std::sqrt(to * to - step.noise * step.noise);
    }
    if (!last) step.middle = ancestral ? geometric_mean(from, step.to) : geometric_mean(to, from);
    steps.push_back(step);
  }

  std::vector<float> timesteps;
  std::vector<float> sigmas;
  std::vector<Step> steps;
};

/// KDPM2DiscreteScheduler and KDPM2AncestralDiscreteScheduler: steps of the midpoint method.
class KDpm2Discrete final : public SigmaScheduler {
 public:
  KDpm2Discrete(const Config& config, Schedule schedule)
      : SigmaScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas), config.spacing.kind()),
        steps_(std::move(schedule.steps)),
        prediction_(config.prediction),
        ancestral_(config.ancestral) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    const Step& step = steps_[i / 2];
    const float now = sigma(i);
    const float dt = (is_first(i) ? step.middle : step.to) - step.from;
    const SigmaDenoiser denoised(prediction_, now);
    if (is_first(i)) start_.assign(sample.begin(), sample.end());
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = start_[k] + (sample[k] - denoised(sample[k], model_output[k])) / now * dt;
    if (is_first(i) || !ancestral_) return;
    noise_.resize(sample.size());
    rng.randn(noise_);
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] += noise_[k] * step.noise;
  }

  std::size_t order() const override { return 2; }

 private:
  static bool is_first(std::size_t i) { return i % 2 == 0; }

  std::vector<Step> steps_;
  Prediction prediction_;
  bool ancestral_;
  std::vector<float> start_;  ///< the sample at the beginning of a step
  std::vector<float> noise_;
};

template <bool ancestral>
MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config, ancestral)](int steps) {
    return std::make_unique<KDpm2Discrete>(*config, Schedule(*config, steps));
  };
}

}  // namespace

constinit const SchedulerClass kKDpm2DiscreteScheduler{.name = "KDPM2DiscreteScheduler", .read = read<false>, .keys = kKeys};
constinit const SchedulerClass kKDpm2AncestralDiscreteScheduler{
    .name = "KDPM2AncestralDiscreteScheduler", .read = read<true>, .keys = kKeys};

}  // namespace p2p::engine
