#include <cmath>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"
#include "engine/sampling/sigmas.hpp"

namespace p2p::engine {
namespace {

/// Whether the value of the key is `other` instead of `usual`.
bool read_choice(const ConfigReader& config, std::string_view key, const std::string& usual, const std::string& other) {
  const std::string value = config.text(key, usual);
  if (value != usual && value != other) config.fail(key, "expected " + usual + " or " + other + ", found " + excerpt(value));
  return value == other;
}

constexpr auto kKeys =
    scheduler_keys("interpolation_type", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", nullable("sigma_min"),
                   nullable("sigma_max"), "timestep_type", "rescale_betas_zero_snr", "final_sigmas_type");

struct Config {
  explicit Config(const ConfigReader& config)
      : sigmas(config, read_alphas_cumprod(config, {.keeps_last_snr = true})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config)),
        log_linear(read_choice(config, "interpolation_type", "linear", "log_linear")),
        continuous(read_choice(config, "timestep_type", "discrete", "continuous") && prediction == Prediction::v_prediction),
        last(read_ends_at_sigma_min(config) ? sigmas.training().front() : 0.0) {}

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
  bool log_linear;
  bool continuous;  ///< timesteps are logarithms of noise levels
  double last;
};

struct Schedule {
  Schedule(const Config& config, int steps) : timesteps(config.spacing.fractional(steps)) {
    std::vector<double> levels = config.log_linear ? config.sigmas.log_linear(steps + 1) : config.sigmas.at(timesteps);
    if (config.sigmas.spacing() != Sigmas::Spacing::timesteps) {
      levels = config.sigmas.spread(levels.front(), levels.back(), steps);
      timesteps.clear();
      for (const double level : levels) timesteps.push_back(static_cast<float>(config.sigmas.timestep_of(level)));
    }
    sigmas = with_last(levels, config.last);
    if (!config.continuous) return;
    timesteps.clear();
    for (const float sigma : std::span(sigmas).first(sigmas.size() - 1)) timesteps.push_back(0.25F * std::log(sigma));
  }

  std::vector<float> timesteps;
  std::vector<float> sigmas;
};

/// EulerDiscreteScheduler with s_churn 0.
class EulerDiscrete final : public SigmaScheduler {
 public:
  EulerDiscrete(const Config& config, Schedule schedule)
      : SigmaScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas), config.spacing.kind()), prediction_(config.prediction) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    const float now = sigma(i);
    const float dt = sigma(i + 1) - now;
    const SigmaDenoiser denoised(prediction_, now);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      const float derivative = (sample[k] - denoised(sample[k], model_output[k])) / now;
      sample[k] += derivative * dt;
    }
  }

 private:
  Prediction prediction_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<EulerDiscrete>(*config, Schedule(*config, steps));
  };
}

}  // namespace

constinit const SchedulerClass kEulerDiscreteScheduler{.name = "EulerDiscreteScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
