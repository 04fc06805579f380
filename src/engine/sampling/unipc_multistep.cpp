#include <algorithm>
#include <cmath>
#include <deque>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/multistep_schedule.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

/// Whether solver_type is bh1. Values of other classes mean bh2, as in diffusers.
bool read_bh1(const ConfigReader& config) {
  const std::string type = config.text("solver_type", "bh2");
  if (type != "bh1" && type != "bh2" && type != "midpoint" && type != "heun" && type != "logrho")
    config.fail("solver_type", "expected bh1 or bh2, found " + excerpt(type));
  return type == "bh1";
}

constexpr auto kKeys =
    scheduler_keys("solver_order", "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "predict_x0", "solver_type",
                   "lower_order_final", "disable_corrector", nullable("solver_p"), "use_karras_sigmas", "use_beta_sigmas",
                   "use_flow_sigmas", "flow_shift", "use_exponential_sigmas", "final_sigmas_type", nullable("sigma_min"),
                   nullable("sigma_max"), "rescale_betas_zero_snr", "use_dynamic_shifting", "time_shift_type", nullable("shift_terminal"));

struct Config {
  explicit Config(const ConfigReader& config)
      : sigmas(config, read_alphas_cumprod(config, {.keeps_last_snr = true})),
        spacing(config, TimestepSpacing::Kind::linspace),
        prediction(read_prediction(config)),
        predict_x0(config.boolean("predict_x0", true)),
        bh1(read_bh1(config)),
        order(config.size("solver_order", 1, 6, 2)),
        lower_order_final(config.boolean("lower_order_final", true)),
        disable_corrector(config.integers("disable_corrector", -100'000, 100'000, std::vector<long long>{})),
        schedule{.last_timestep = spacing.train(), .ends_at_sigma_min = read_ends_at_sigma_min(config), .ends_at_own_min = true} {
    for (const char* key : {"thresholding", "use_flow_sigmas", "use_dynamic_shifting"}) expect_only(config, key, false);
    for (const char* key : {"solver_p", "shift_terminal"}) expect_only(config, key, nullptr);
  }

  Sigmas sigmas;
  TimestepSpacing spacing;
  Prediction prediction;
  bool predict_x0;
  bool bh1;
  std::size_t order;
  bool lower_order_final;
  std::vector<long long> disable_corrector;
  MultistepOptions schedule;
};

/// Solves matrix x = right by elimination with row pivoting in float32, like LAPACK.
std::vector<float> solve(std::vector<std::vector<float>> matrix, std::vector<float> right) {
  const std::size_t n = right.size();
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < n; ++row)
      if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) pivot = row;
    std::swap(matrix[column], matrix[pivot]);
    std::swap(right[column], right[pivot]);
    for (std::size_t row = column + 1; row < n; ++row) {
      const float factor = matrix[row][column] / matrix[column][column];
      for (std::size_t k = column; k < n; ++k) matrix[row][k] -= factor * matrix[column][k];
      right[row] -= factor * right[column];
    }
  }
  for (std::size_t row = n; row-- > 0;) {
    for (std::size_t k = row + 1; k < n; ++k) right[row] -= matrix[row][k] * right[k];
    right[row] /= matrix[row][row];
  }
  return right;
}

/// The method's constants for a step, named as in arXiv 2302.04867: B(h), h phi_1(h) and the weights rho of the differences.
struct BhStep {
  /// `rks`: the distances of the earlier predictions in steps, then 1 for the target of the step, which the predictor does not use.
  BhStep(float hh, const std::vector<float>& rks, bool bh1, bool is_predictor) : h_phi_1(std::expm1(hh)), b_h(bh1 ? hh : h_phi_1) {
    const std::size_t unknowns = rks.size() - (is_predictor ? 1 : 0);
    // Predictor and corrector are simplified for one unknown.
    if (unknowns <= 1) {
      rhos.assign(unknowns, 0.5F);
      return;
    }
    std::vector<std::vector<float>> matrix(unknowns, std::vector<float>(unknowns, 1.0F));
    std::vector<float> right(unknowns);
    float h_phi_k = h_phi_1 / hh - 1.0F;
    float factorial = 1.0F;
    for (std::size_t i = 0; i < unknowns; ++i) {
      for (std::size_t k = 0; i > 0 && k < unknowns; ++k) matrix[i][k] = matrix[i - 1][k] * rks[k];
      right[i] = h_phi_k * factorial / b_h;
      factorial *= static_cast<float>(i + 2);
      h_phi_k = h_phi_k / hh - 1.0F / factorial;
    }
    rhos = solve(std::move(matrix), std::move(right));
  }

  float h_phi_1;
  float b_h;
  std::vector<float> rhos;
};

/// UniPCMultistepScheduler: a multistep predictor, and a corrector that repeats its last step with the new output of the network.
class UniPcMultistep final : public LevelScheduler {
 public:
  UniPcMultistep(const std::shared_ptr<const Config>& config, MultistepSchedule schedule)
      : LevelScheduler(std::move(schedule.timesteps), std::move(schedule.sigmas)), config_(config) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    std::vector<float> output = converted(config_->prediction, config_->predict_x0, model_output, sample, i);
    if (!last_sample_.empty() && std::ranges::count(config_->disable_corrector, static_cast<long long>(i) - 1) == 0)
      update(i - 1, output, last_sample_, sample);
    if (outputs_.size() == config_->order) outputs_.pop_front();
    outputs_.push_back(std::move(output));
    order_ = std::min(config_->order, outputs_.size());
    if (config_->lower_order_final) order_ = std::min(order_, timesteps().size() - i);
    last_sample_.assign(sample.begin(), sample.end());
    update(i, {}, last_sample_, sample);
  }

 private:
  /// Moves `x` from level `from` to the next one: a prediction, or a correction with the output `reached` at that level.
  void update(std::size_t from, std::span<const float> reached, std::span<const float> x, std::span<float> x_t) const {
    const NoiseLevel s0 = level(from);
    const NoiseLevel t = level(from + 1);
    const float h = t.lambda - s0.lambda;
    std::vector<float> rks;
    for (std::size_t k = 1; k < order_; ++k) rks.push_back((level(from - k).lambda - s0.lambda) / h);
    rks.push_back(1.0F);
    const BhStep bh(config_->predict_x0 ? -h : h, rks, config_->bh1, reached.empty());
    const float keep = config_->predict_x0 ? t.sigma / s0.sigma : t.alpha / s0.alpha;
    const float gain = config_->predict_x0 ? t.alpha : t.sigma;
    const std::vector<float>& m0 = outputs_.back();
    for (std::size_t k = 0; k < x.size(); ++k) {
      float differences = 0.0F;
      for (std::size_t past = 1; past < order_; ++past)
        differences += bh.rhos[past - 1] * ((outputs_[outputs_.size() - 1 - past][k] - m0[k]) / rks[past - 1]);
      if (!reached.empty()) differences += bh.rhos.back() * (reached[k] - m0[k]);
      x_t[k] = keep * x[k] - gain * bh.h_phi_1 * m0[k] - gain * bh.b_h * differences;
    }
  }

  std::shared_ptr<const Config> config_;
  std::deque<std::vector<float>> outputs_;  ///< converted, the newest last
  std::vector<float> last_sample_;          ///< from which the last prediction started; empty at the first
  std::size_t order_ = 0;                   ///< of the last prediction
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) {
    return std::make_unique<UniPcMultistep>(config, MultistepSchedule(config->spacing, config->sigmas, config->schedule, steps));
  };
}

}  // namespace

constinit const SchedulerClass kUniPcMultistepScheduler{.name = "UniPCMultistepScheduler",
                                                        .read = read,
                                                        .keys = kKeys,
                                                        .solver_types = SchedulerClass::SolverTypes{.other = "bh1", .usual = "bh2"}};

}  // namespace p2p::engine
