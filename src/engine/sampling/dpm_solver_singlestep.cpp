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
constexpr auto kKeys = scheduler_keys("solver_order", "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "algorithm_type",
                                      "solver_type", "lower_order_final", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                                      "use_flow_sigmas", "flow_shift", "final_sigmas_type", "lambda_min_clipped", nullable("variance_type"),
                                      nullable("sigma_min"), nullable("sigma_max"), "use_dynamic_shifting", "time_shift_type");

struct Config {
  explicit Config(const ConfigReader& config) : Config(config, read_alphas_cumprod(config, {})) {}

  Config(const ConfigReader& config, std::span<const float> alphas_cumprod)
      : sigmas(config, alphas_cumprod),
        spacing(TimestepSpacing::linspace(static_cast<int>(alphas_cumprod.size()))),  // whatever timestep_spacing says
        prediction(read_prediction(config)),
        algorithm(read_dpm_algorithm(config, false)),
        heun(read_dpm_heun(config)),
        order(config.size("solver_order", 1, 3, 2)),
        lower_order_final(config.boolean("lower_order_final", false)) {
    schedule.last_timestep = read_dpm_last_timestep(config, alphas_cumprod);
    schedule.ends_at_sigma_min = read_ends_at_sigma_min(config);
    for (const char* key : {"thresholding", "use_flow_sigmas", "use_dynamic_shifting"}) expect_only(config, key, false);
    expect_no_variance(config);
  }

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
  DpmAlgorithm algorithm;
  bool heun;
  std::size_t order;
  bool lower_order_final;
  MultistepOptions schedule;
};

/// The orders of all steps: 1, 2, 3, 1, 2, 3, ..., and lower ones at the end.
std::vector<std::size_t> orders_of(const Config& config, std::size_t steps) {
  const bool to_zero = !config.schedule.ends_at_sigma_min;
  const bool lower_final = config.lower_order_final || steps % config.order != 0 || to_zero;
  std::vector<std::size_t> orders(steps);
  for (std::size_t i = 0; i < steps; ++i) orders[i] = i % config.order + 1;
  // Steps that do not fill a group have lower orders anyway. The last full group ends with the order 1.
  if (lower_final && steps % config.order == 0) orders.back() = 1;
  if (to_zero) orders.back() = 1;
  return orders;
}

/// DPMSolverSinglestepScheduler: groups of steps, each of which begins again at the sample with which the group began, with a higher order.
class DpmSolverSinglestep final : public LevelScheduler {
 public:
  DpmSolverSinglestep(const std::shared_ptr<const Config>& config, MultistepSchedule schedule)
      : LevelScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas)),
        config_(config),
        orders_(orders_of(*config, timesteps().size())) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& rng) override {
    if (outputs_.size() == config_->order) outputs_.pop_front();
    outputs_.push_back(converted(config_->prediction, config_->algorithm.data, model_output, sample, i));
    if (config_->algorithm.sde) {
      noise_.resize(sample.size());
      rng.randn(noise_);
    }
    const std::size_t order = std::min(orders_[i], outputs_.size());
    if (order == 1) start_.assign(sample.begin(), sample.end());

    const NoiseLevel from = level(i + 1 - order);
    const NoiseLevel to = level(i + 1);
    const DpmWeights w(config_->algorithm, config_->heun, from, to, order);
    const float h = to.lambda - from.lambda;
    const float r0 = (level(i).lambda - from.lambda) / h;
    const float r1 = order > 2 ? (level(i - 1).lambda - from.lambda) / h : 0.0F;
    const auto output = [this](std::size_t age, std::size_t k) { return outputs_[outputs_.size() - 1 - age][k]; };
    for (std::size_t k = 0; k < sample.size(); ++k) {
      const float first = output(order - 1, k);
      float next = w.sample * start_[k] + w.d0 * first;
      if (order > 1) {
        const float newer = 1.0F / r0 * (output(0, k) - first);
        if (order == 2 || !config_->heun) {
          next += w.d1 * newer;
        } else {
          const float older = 1.0F / r1 * (output(1, k) - first);
          next += w.d1 * ((r0 * older - r1 * newer) / (r0 - r1));
          next += w.d2 * (2.0F * (newer - older) / (r0 - r1));
        }
      }
      sample[k] = config_->algorithm.sde ? next + w.noise * noise_[k] : next;
    }
  }

 private:
  std::shared_ptr<const Config> config_;
  std::vector<std::size_t> orders_;
  std::deque<std::vector<float>> outputs_;  ///< converted, the newest last
  std::vector<float> start_;                ///< the sample with which the group began
  std::vector<float> noise_;
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<DpmSolverSinglestep>(config, MultistepSchedule(config->spacing, config->sigmas, config->schedule, steps));
  };
}

}  // namespace

constinit const SchedulerClass kDpmSolverSinglestepScheduler{
    .name = "DPMSolverSinglestepScheduler",
    .read = read,
    .keys = kKeys,
    .solver_types = SchedulerClass::SolverTypes{.other = "heun", .usual = "midpoint"}};

}  // namespace p2p::engine
