#include <algorithm>
#include <deque>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/dpm_solver.hpp"
#include "engine/sampling/multistep_schedule.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

/// diffusers' class has no arguments sigma_min and sigma_max but reads them from a configuration that another class has left.
constexpr auto kKeys =
    scheduler_keys("solver_order", "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "algorithm_type", "solver_type",
                   "lower_order_final", "euler_at_final", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                   "use_lu_lambdas", "use_flow_sigmas", "flow_shift", "final_sigmas_type", "lambda_min_clipped", nullable("variance_type"),
                   "rescale_betas_zero_snr", nullable("sigma_min"), nullable("sigma_max"), "use_dynamic_shifting", "time_shift_type");

struct Config {
  explicit Config(const ConfigReader& config) : Config(config, read_alphas_cumprod(config, {.keeps_last_snr = true})) {}

  Config(const ConfigReader& config, std::span<const float> alphas_cumprod)
      : sigmas(config, alphas_cumprod),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config)),
        algorithm(read_dpm_algorithm(config, true)),
        heun(read_dpm_heun(config)),
        order(config.size("solver_order", 1, algorithm.sde && !algorithm.data ? 2 : 3, 2)),
        lower_order_final(config.boolean("lower_order_final", true)),
        euler_at_final(config.boolean("euler_at_final", false)) {
    schedule.last_timestep = read_dpm_last_timestep(config, alphas_cumprod);
    schedule.rounds_karras = config.text("beta_schedule", "linear") != "squaredcos_cap_v2";
    schedule.ends_at_sigma_min = read_ends_at_sigma_min(config);
    for (const char* key : {"thresholding", "use_lu_lambdas", "use_flow_sigmas", "use_dynamic_shifting"}) expect_only(config, key, false);
    expect_no_variance(config);
  }

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
  DpmAlgorithm algorithm;
  bool heun;
  std::size_t order;
  bool lower_order_final;
  bool euler_at_final;
  MultistepOptions schedule;
};

/// DPMSolverMultistepScheduler.
class DpmSolverMultistep final : public LevelScheduler {
 public:
  DpmSolverMultistep(const std::shared_ptr<const Config>& config, MultistepSchedule schedule)
      : LevelScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas)), config_(config) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    const std::size_t order = this_order(i);
    if (outputs_.size() == config_->order) outputs_.pop_front();
    outputs_.push_back(converted(config_->prediction, config_->algorithm.data, model_output, sample, i));
    if (config_->algorithm.sde) {
      noise_.resize(sample.size());
      rng.randn(noise_);
    }
    const DpmWeights w(config_->algorithm, config_->heun, level(i), level(i + 1), order);
    const float h = level(i + 1).lambda - level(i).lambda;
    const float r0 = order > 1 ? (level(i).lambda - level(i - 1).lambda) / h : 0.0F;
    const float r1 = order > 2 ? (level(i - 1).lambda - level(i - 2).lambda) / h : 0.0F;
    const auto past = [this](std::size_t age, std::size_t k) { return outputs_[outputs_.size() - 1 - age][k]; };
    for (std::size_t k = 0; k < sample.size(); ++k) {
      float next = w.sample * sample[k] + w.d0 * past(0, k);
      if (order == 2) next += w.d1 * (1.0F / r0 * (past(0, k) - past(1, k)));
      if (order == 3) {
        const float newer = 1.0F / r0 * (past(0, k) - past(1, k));
        const float older = 1.0F / r1 * (past(1, k) - past(2, k));
        next += w.d1 * (newer + r0 / (r0 + r1) * (newer - older));
        next += w.d2 * (1.0F / (r0 + r1) * (newer - older));
      }
      sample[k] = config_->algorithm.sde ? next + w.noise * noise_[k] : next;
    }
  }

 private:
  /// Lower at the start, where there are no earlier outputs, and at the end, for stability.
  std::size_t this_order(std::size_t i) const {
    const bool few = config_->lower_order_final && timesteps().size() < 15;
    const bool final = i + 1 == timesteps().size() && (config_->euler_at_final || few || !config_->schedule.ends_at_sigma_min);
    const bool second = i + 2 == timesteps().size() && few;
    return final ? 1 : std::min({config_->order, outputs_.size() + 1, second ? std::size_t{2} : config_->order});
  }

  std::shared_ptr<const Config> config_;
  std::deque<std::vector<float>> outputs_;  ///< converted, the newest last
  std::vector<float> noise_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<DpmSolverMultistep>(config, MultistepSchedule(config->spacing, config->sigmas, config->schedule, steps));
  };
}

}  // namespace

constinit const SchedulerClass kDpmSolverMultistepScheduler{
    .name = "DPMSolverMultistepScheduler",
    .read = read,
    .keys = kKeys,
    .solver_types = SchedulerClass::SolverTypes{.other = "heun", .usual = "midpoint"}};

}  // namespace p2p::engine
