#include "engine/sampling/sigmas.hpp"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "engine/sampling/numerics.hpp"

namespace p2p::engine {
namespace {

Sigmas::Spacing read_spacing(const ConfigReader& config) {
  using enum Sigmas::Spacing;
  constexpr std::array<std::pair<std::string_view, Sigmas::Spacing>, 3> kKeys{
      {{"use_karras_sigmas", karras}, {"use_exponential_sigmas", exponential}, {"use_beta_sigmas", beta}}};
  Sigmas::Spacing spacing = timesteps;
  std::string_view chosen;
  for (const auto& [key, value] : kKeys) {
    if (!config.boolean(key, false)) continue;
    if (!chosen.empty()) config.fail(key, "expected false, for " + std::string(chosen) + " is true; found true");
    spacing = value;
    chosen = key;
  }
  return spacing;
}

/// scipy.stats.beta.ppf(p, 0.6, 0.6): where so much of the distribution lies below.
double beta_quantile(double p) {
  constexpr double shape = 0.6;  // arXiv 2407.12173
  return boost::math::ibeta_inv(shape, shape, p);
}

/// The index, interpolated, at which `levels` have the level.
template <typename Number>
Number index_of(Number level, std::span<const float> levels) {
  // The last level that is not above. The list may be unsorted, because betas can have any values.
  const auto found = std::find_if(levels.rbegin(), levels.rend(), [=](float each) { return level >= each; });
  const auto below = found == levels.rend() ? 0U : static_cast<std::size_t>(levels.rend() - found) - 1;
  const std::size_t low = std::min(below, levels.size() - 2);
  const Number low_level = levels[low];
  // numpy subtracts the two float32 levels in float32.
  const float between = levels[low] - levels[low + 1];
  const Number weight = std::clamp((low_level - level) / between, Number{0}, Number{1});
  return (1 - weight) * static_cast<Number>(low) + weight * static_cast<Number>(low + 1);
}

std::optional<double> read_bound(const ConfigReader& config, std::string_view key) {
  const auto found = config.json().find(key);
  if (found == config.json().end() || found->is_null()) return {};
  return config.number(key, 1e-6, 1e6);
}

}  // namespace

Sigmas::Sigmas(const ConfigReader& config, std::span<const float> alphas_cumprod)
    : spacing_(read_spacing(config)), min_(read_bound(config, "sigma_min")), max_(read_bound(config, "sigma_max")) {
  for (const float alpha : alphas_cumprod) {
    training_.push_back(std::sqrt((1.0F - alpha) / alpha));
    log_training_.push_back(numpy::log(training_.back()));
  }
  const float highest = std::ranges::max(training_);
  if (!std::isfinite(highest) || !(training_.front() > 0))
    config.fail("beta_end",
                "expected betas that leave some noise at the first and some picture at the last timestep, found noise levels from " +
                    excerpt(training_.front()) + " to " + excerpt(training_.back()));
}

std::vector<double> Sigmas::at(std::span<const float> timesteps) const {
  std::vector<double> sigmas;
  for (const float t : timesteps) sigmas.push_back(numpy::interp(t, training_));
  return sigmas;
}

std::vector<double> Sigmas::log_linear(int count) const {
  std::vector<double> sigmas;
  for (const float level : torch::linspace(log_training_.back(), log_training_.front(), static_cast<std::size_t>(count)))
    sigmas.push_back(std::exp(level));
  return sigmas;
}

std::vector<double> Sigmas::spread(double from, double to, int count, bool bounded) const {
  const double max = bounded ? max_.value_or(from) : from;
  const double min = bounded ? min_.value_or(to) : to;
  if (spacing_ == Spacing::exponential) {
    std::vector<double> sigmas = numpy::linspace(std::log(max), std::log(min), count);
    for (double& sigma : sigmas) sigma = std::exp(sigma);
    return sigmas;
  }
  if (spacing_ == Spacing::beta) {
    std::vector<double> sigmas = numpy::linspace(0, 1, count);
    for (double& sigma : sigmas) sigma = min + beta_quantile(1 - sigma) * (max - min);
    return sigmas;
  }
  constexpr double rho = 7.0;  // arXiv 2206.00364
  const double max_inv_rho = std::pow(max, 1 / rho);
  const double min_inv_rho = std::pow(min, 1 / rho);
  std::vector<double> sigmas = numpy::linspace(0, 1, count);
  for (double& sigma : sigmas) sigma = std::pow(max_inv_rho + sigma * (min_inv_rho - max_inv_rho), rho);
  return sigmas;
}

double Sigmas::timestep_of(double sigma) const { return index_of(std::log(std::max(sigma, 1e-10)), log_training_); }

float Sigmas::timestep_of(float sigma) const { return index_of(numpy::log(std::max(sigma, 1e-10F)), log_training_); }

bool read_ends_at_sigma_min(const ConfigReader& config) {
  const std::string type = config.text("final_sigmas_type", "zero");
  if (type != "zero" && type != "sigma_min") config.fail("final_sigmas_type", "expected sigma_min or zero, found " + excerpt(type));
  return type == "sigma_min";
}

}  // namespace p2p::engine
