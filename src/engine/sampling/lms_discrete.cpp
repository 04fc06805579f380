#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <deque>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"
#include "engine/sampling/sigmas.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kOrder = 4;

/// diffusers' class has no arguments sigma_min and sigma_max but reads them from a configuration that another class has left.
constexpr auto kKeys =
    scheduler_keys("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", nullable("sigma_min"), nullable("sigma_max"));

struct Config {
  explicit Config(const ConfigReader& config)
      : sigmas(config, read_alphas_cumprod(config, {})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config)) {}

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
};

struct Schedule {
  Schedule(const Config& config, int steps) : timesteps(config.spacing.fractional(steps)) {
    std::vector<double> levels = config.sigmas.at(timesteps);
    if (config.sigmas.spacing() != Sigmas::Spacing::timesteps) {
      const bool bounded = config.sigmas.spacing() != Sigmas::Spacing::karras;  // the bounds are not read there, as in diffusers
      levels = config.sigmas.spread(levels.front(), levels.back(), steps, bounded);
      timesteps.clear();
      for (const double level : levels) timesteps.push_back(static_cast<float>(config.sigmas.timestep_of(level)));
    }
    sigmas = with_last(levels, 0.0);
  }

  std::vector<float> timesteps;
  std::vector<float> sigmas;
};

/// LMSDiscreteScheduler: a linear multistep method over the noise level.
class LmsDiscrete final : public SigmaScheduler {
 public:
  LmsDiscrete(const Config& config, Schedule schedule)
      : SigmaScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas), config.spacing.kind()), prediction_(config.prediction) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    const float now = sigma(i);
    const SigmaDenoiser denoised(prediction_, now);
    if (derivatives_.size() == kOrder) derivatives_.pop_front();
    std::vector<float>& derivative = derivatives_.emplace_back(sample.size());
    for (std::size_t k = 0; k < sample.size(); ++k) derivative[k] = (sample[k] - denoised(sample[k], model_output[k])) / now;

    // A loop that starts later has fewer derivatives; the weights are those of a whole loop all the same, as in diffusers.
    const std::size_t order = std::min(i + 1, kOrder);
    std::vector<float> sum(sample.size());
    for (std::size_t age = 0; age < derivatives_.size(); ++age) {
      const auto weight = static_cast<float>(weight_of(age, order, i));
      const std::vector<float>& past = derivatives_[derivatives_.size() - 1 - age];
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += weight * past[k];
    }
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] += sum[k];
  }

 private:
  /// The integral over the step of the polynomial through the derivatives' levels that is 1 at one of them and 0 at the others.
  double weight_of(std::size_t age, std::size_t order, std::size_t i) const {
    const auto polynomial = [&](double level) {
      double product = 1.0;
      for (std::size_t other = 0; other < order; ++other)
        if (other != age) product *= (level - sigma(i - other)) / (static_cast<double>(sigma(i - age)) - sigma(i - other));
      return product;
    };
    return -boost::math::quadrature::gauss<double, 7>::integrate(polynomial, sigma(i + 1), sigma(i));
  }

  Prediction prediction_;
  std::deque<std::vector<float>> derivatives_;  ///< the newest last
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<LmsDiscrete>(*config, Schedule(*config, steps));
  };
}

}  // namespace

constinit const SchedulerClass kLmsDiscreteScheduler{.name = "LMSDiscreteScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
