#include <algorithm>
#include <array>
#include <deque>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/multistep_schedule.hpp"
#include "engine/sampling/numerics.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

/// Of all multistep classes' values this class alone means logrho.
void expect_known_types(const ConfigReader& config) {
  const std::string algorithm = config.text("algorithm_type", "deis");
  if (algorithm != "deis" && algorithm != "dpmsolver" && algorithm != "dpmsolver++")
    config.fail("algorithm_type", "expected deis, found " + excerpt(algorithm));
  const std::string solver = config.text("solver_type", "logrho");
  if (solver != "logrho" && solver != "midpoint" && solver != "heun" && solver != "bh1" && solver != "bh2")
    config.fail("solver_type", "expected logrho, found " + excerpt(solver));
}

/// diffusers' class has no arguments sigma_min and sigma_max but reads them from a configuration that another class has left.
constexpr auto kKeys =
    scheduler_keys("solver_order", "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "algorithm_type", "solver_type",
                   "lower_order_final", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas", "flow_shift",
                   nullable("sigma_min"), nullable("sigma_max"), "use_dynamic_shifting", "time_shift_type");

struct Config {
  explicit Config(const ConfigReader& config)
      : sigmas(config, read_alphas_cumprod(config, {})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config)),
        order(config.size("solver_order", 1, 3, 2)),
        lower_order_final(config.boolean("lower_order_final", true)),
        schedule{.last_timestep = spacing.train(), .ends_at_sigma_min = true, .ends_at_own_min = true} {
    expect_known_types(config);
    for (const char* key : {"thresholding", "use_flow_sigmas", "use_dynamic_shifting"}) expect_only(config, key, false);
  }

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
  std::size_t order;
  bool lower_order_final;
  MultistepOptions schedule;
};

/// The integral up to `t` of the line that is 1 at noise ratio `b` and 0 at `c`, in logarithms.
float line_integral(float t, float b, float c) { return t * (-numpy::log(c) + numpy::log(t) - 1.0F) / (numpy::log(b) - numpy::log(c)); }

/// The same for the parabola that is 1 at `b` and 0 at `c` and `d`.
float parabola_integral(float t, float b, float c, float d) {
  const float log_b = numpy::log(b);
  const float log_c = numpy::log(c);
  const float log_d = numpy::log(d);
  const float log_t = numpy::log(t);
  const float numerator = t * (log_c * (log_d - log_t + 1.0F) - log_d * log_t + log_d + log_t * log_t - 2.0F * log_t + 2.0F);
  return numerator / ((log_b - log_c) * (log_b - log_d));
}

/// DEISMultistepScheduler: the exponential integrator of arXiv 2204.13902, with the noise interpolated over the logarithm of its ratio.
class DeisMultistep final : public LevelScheduler {
 public:
  DeisMultistep(const std::shared_ptr<const Config>& config, MultistepSchedule schedule)
      : LevelScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas)), config_(config) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    const std::size_t order = this_order(i);
    if (outputs_.size() == config_->order) outputs_.pop_front();
    outputs_.push_back(noise_of(model_output, sample, i));
    const NoiseLevel from = level(i);
    const NoiseLevel to = level(i + 1);
    const auto past = [this](std::size_t age, std::size_t k) { return outputs_[outputs_.size() - 1 - age][k]; };
    if (order == 1) {
      const float keep = to.alpha / from.alpha;
      const float gain = to.sigma * (std::exp(to.lambda - from.lambda) - 1.0F);
      for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = keep * sample[k] - gain * past(0, k);
      return;
    }
    const std::array<float, 3> w = weights(i, order);
    for (std::size_t k = 0; k < sample.size(); ++k) {
      float sum = sample[k] / from.alpha + w[0] * past(0, k) + w[1] * past(1, k);
      if (order == 3) sum += w[2] * past(2, k);
      sample[k] = to.alpha * sum;
    }
  }

 private:
  std::size_t this_order(std::size_t i) const {
    const bool few = config_->lower_order_final && timesteps().size() < 15;
    const std::size_t left = timesteps().size() - i;
    return std::min({config_->order, outputs_.size() + 1, few ? left : config_->order});
  }

  /// Through the picture, for the rounding.
  std::vector<float> noise_of(std::span<const float> model_output, std::span<const float> sample, std::size_t i) const {
    const NoiseLevel now = level(i);
    std::vector<float> values = converted(config_->prediction, true, model_output, sample, i);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = (sample[k] - now.alpha * values[k]) / now.sigma;
    return values;
  }

  /// Factors of the last outputs, the newest first.
  std::array<float, 3> weights(std::size_t i, std::size_t order) const {
    const auto rho = [this](std::size_t at) { return level(at).sigma / level(at).alpha; };
    const float t = rho(i + 1);
    const float s0 = rho(i);
    const float s1 = rho(i - 1);
    const auto line = [&](float b, float c) { return line_integral(t, b, c) - line_integral(s0, b, c); };
    if (order == 2) return {line(s0, s1), line(s1, s0), 0.0F};
    const float s2 = rho(i - 2);
    const auto parabola = [&](float b, float c, float d) { return parabola_integral(t, b, c, d) - parabola_integral(s0, b, c, d); };
    return {parabola(s0, s1, s2), parabola(s1, s2, s0), parabola(s2, s0, s1)};
  }

  std::shared_ptr<const Config> config_;
  std::deque<std::vector<float>> outputs_;  ///< as noise, the newest last
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<DeisMultistep>(config, MultistepSchedule(config->spacing, config->sigmas, config->schedule, steps));
  };
}

}  // namespace

constinit const SchedulerClass kDeisMultistepScheduler{.name = "DEISMultistepScheduler",
                                                       .read = read,
                                                       .keys = kKeys,
                                                       .solver_types = SchedulerClass::SolverTypes{.other = "logrho", .usual = "logrho"}};

}  // namespace p2p::engine
