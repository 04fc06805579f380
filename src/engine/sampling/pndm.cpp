#include <algorithm>
#include <cmath>
#include <deque>

#include "engine/sampling/betas.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kOrder = 4;

constexpr auto kKeys = scheduler_keys("skip_prk_steps", "set_alpha_to_one");

struct Config {
  explicit Config(const ConfigReader& config)
      : alphas_cumprod(read_alphas_cumprod(config, {})),
        spacing(config, TimestepSpacing::Kind::leading),
        prediction(read_prediction(config, false)),
        skip_prk_steps(config.boolean("skip_prk_steps", false)),
        final_alpha(config.boolean("set_alpha_to_one", false) ? 1.0F : alphas_cumprod.front()) {}

  std::vector<float> alphas_cumprod;
  TimestepSpacing spacing;
  Prediction prediction;
  bool skip_prk_steps;
  float final_alpha;
};

/// The evaluations of the Runge-Kutta start: four at each of the first three timesteps, two of them half-way to the next.
std::vector<float> prk_timesteps(const Config& config, int steps) {
  if (config.skip_prk_steps) return {};
  const std::vector<float> timesteps = config.spacing.whole(steps);
  if (timesteps.size() < kOrder)
    throw UsageError(
        sentence("pndm_steps",
                 "the sampler pndm takes at least 4 steps for this model (its scheduler does not set skip_prk_steps), found {0}", steps));
  const int half_stride = config.spacing.train() / steps / 2;
  const auto half = static_cast<float>(half_stride);
  std::vector<float> evaluations;
  for (std::size_t i = 0; i + 1 < kOrder; ++i)
    evaluations.insert(evaluations.end(), {timesteps[i], timesteps[i + 1] + half, timesteps[i + 1] + half, timesteps[i + 1]});
  return evaluations;
}

std::vector<float> pndm_timesteps(const Config& config, int steps) {
  std::vector<float> timesteps = config.spacing.whole(steps);
  if (config.skip_prk_steps) {
    // The second timestep is evaluated twice: the first step is Heun's.
    if (timesteps.size() > 1) timesteps.insert(timesteps.begin() + 1, timesteps[1]);
    return timesteps;
  }
  std::vector<float> evaluations = prk_timesteps(config, steps);
  evaluations.insert(evaluations.end(), timesteps.begin() + (kOrder - 1), timesteps.end());
  return evaluations;
}

/// PNDMScheduler: steps of the linear multistep method (PLMS) after a start by Runge-Kutta (PRK) or, with skip_prk_steps, by Heun.
class Pndm final : public AlphaScheduler {
 public:
  Pndm(const std::shared_ptr<const Config>& config, int steps)
      : AlphaScheduler({config, &config->alphas_cumprod}, pndm_timesteps(*config, steps)),
        config_(config),
        prk_timesteps_(prk_timesteps(*config, steps)),
        stride_(config->spacing.train() / steps) {}

  void step(std::span<const float> model_output, std::size_t i, std::span<float> sample, TorchRng& /*rng*/) override {
    output_.assign(model_output.begin(), model_output.end());
    if (counter_ < prk_timesteps_.size())
      step_prk(timestep(i), sample);
    else
      step_plms(timestep(i), sample);
    // Counts from 0 even if the loop starts at a later evaluation, as in diffusers.
    ++counter_;
  }

 private:
  void step_prk(int t, std::span<float> sample) {
    const int previous = t - (counter_ % 2 == 0 ? stride_ / 2 : 0);
    const int from = static_cast<int>(prk_timesteps_[counter_ / kOrder * kOrder]);
    constexpr float sixth = 1.0F / 6.0F;
    constexpr float third = 1.0F / 3.0F;
    const std::size_t stage = counter_ % kOrder;
    if (stage == 0) {
      outputs_.push_back(output_);
      held_.assign(sample.begin(), sample.end());
      sum_.assign(sample.size(), 0.0F);
    }
    for (std::size_t k = 0; k < sample.size(); ++k) {
      if (stage == kOrder - 1)
        output_[k] = sum_[k] + sixth * output_[k];
      else
        sum_[k] += (stage == 0 ? sixth : third) * output_[k];
    }
    std::ranges::copy(held_, sample.begin());
    move(sample, from, previous);
  }

  void step_plms(int t, std::span<float> sample) {
    int previous = t - stride_;
    if (counter_ != 1) {
      if (outputs_.size() == kOrder) outputs_.pop_front();
      outputs_.push_back(output_);
    } else {
      previous = t;
      t += stride_;
    }
    const auto past = [this](std::size_t age, std::size_t k) { return outputs_[outputs_.size() - age][k]; };
    for (std::size_t k = 0; k < sample.size(); ++k) {
      float& output = output_[k];
      switch (outputs_.size()) {
        case 1:
          if (counter_ == 1) output = (output + past(1, k)) / 2.0F;
          break;
        case 2:
          output = (3.0F * past(1, k) - past(2, k)) / 2.0F;
          break;
        case 3:
          output = (23.0F * past(1, k) - 16.0F * past(2, k) + 5.0F * past(3, k)) / 12.0F;
          break;
        default:
          output = (1.0F / 24.0F) * (55.0F * past(1, k) - 59.0F * past(2, k) + 37.0F * past(3, k) - 9.0F * past(4, k));
      }
    }
    if (counter_ == 0) held_.assign(sample.begin(), sample.end());
    if (counter_ == 1) std::ranges::copy(held_, sample.begin());
    move(sample, t, previous);
  }

  /// Formula (9) of arXiv 2202.09778.
  void move(std::span<float> sample, int t, int previous) {
    const float now = alpha(t);
    const float next = previous >= 0 ? alpha(previous) : config_->final_alpha;
    if (config_->prediction == Prediction::v_prediction)
      for (std::size_t k = 0; k < sample.size(); ++k) output_[k] = std::sqrt(now) * output_[k] + std::sqrt(1.0F - now) * sample[k];
    const float scale = std::sqrt(next / now);
    const float gain = next - now;
    const float divisor = now * std::sqrt(1.0F - next) + std::sqrt(now * (1.0F - now) * next);
    for (std::size_t k = 0; k < sample.size(); ++k) sample[k] = scale * sample[k] - gain * output_[k] / divisor;
  }

  std::shared_ptr<const Config> config_;
  std::vector<float> prk_timesteps_;
  int stride_;
  std::size_t counter_ = 0;
  std::deque<std::vector<float>> outputs_;  ///< of the last evaluations at whole steps, the newest last
  std::vector<float> output_;               ///< the output that moves the sample
  std::vector<float> held_;                 ///< the sample from which several evaluations start
  std::vector<float> sum_;                  ///< of the weighted outputs of a Runge-Kutta step
};

MakeScheduler read(const ConfigReader& config) {
  return [config = std::make_shared<const Config>(config)](int steps) { return std::make_unique<Pndm>(config, steps); };
}

}  // namespace

constinit const SchedulerClass kPndmScheduler{.name = "PNDMScheduler", .read = read, .keys = kKeys};

}  // namespace p2p::engine
