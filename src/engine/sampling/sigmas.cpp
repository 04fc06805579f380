#include "engine/sampling/sigmas.hpp"

#include <algorithm>
#include <cmath>

#include "engine/sampling/numerics.hpp"

namespace p2p::engine {
namespace {

Sigmas::Spacing read_spacing(const ConfigReader& config) {
  const bool karras = config.boolean("use_karras_sigmas", false);
  const bool exponential = config.boolean("use_exponential_sigmas", false);
  if (config.boolean("use_beta_sigmas", false))
    config.fail("use_beta_sigmas", "expected false (beta sigmas are not supported), found true");
  if (karras && exponential) config.fail("use_exponential_sigmas", "expected false, for use_karras_sigmas is true; found true");
  return karras ? Sigmas::Spacing::karras : exponential ? Sigmas::Spacing::exponential : Sigmas::Spacing::timesteps;
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

std::vector<double> Sigmas::spread(double from, double to, int count) const {
  const double max = max_.value_or(from);
  const double min = min_.value_or(to);
  if (spacing_ == Spacing::exponential) {
    std::vector<double> sigmas = numpy::linspace(std::log(max), std::log(min), count);
    for (double& sigma : sigmas) sigma = std::exp(sigma);
    return sigmas;
  }
  constexpr double rho = 7.0;  // arXiv 2206.00364
  const double max_inv_rho = std::pow(max, 1 / rho);
  const double min_inv_rho = std::pow(min, 1 / rho);
  std::vector<double> sigmas = numpy::linspace(0, 1, count);
  for (double& sigma : sigmas) sigma = std::pow(max_inv_rho + sigma * (min_inv_rho - max_inv_rho), rho);
  return sigmas;
}

double Sigmas::timestep_of(double sigma) const {
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  // The last level that is not above. The list may be unsorted, because betas can have any values.
  const auto found = std::find_if(log_training_.rbegin(), log_training_.rend(), [=](float level) { return log_sigma >= level; });
  const auto below = found == log_training_.rend() ? 0U : static_cast<std::size_t>(log_training_.rend() - found) - 1;
  const std::size_t low = std::min(below, log_training_.size() - 2);
  const double low_level = log_training_[low];
  // numpy subtracts the two float32 levels in float32.
  const double between = log_training_[low] - log_training_[low + 1];
  const double weight = std::clamp((low_level - log_sigma) / between, 0.0, 1.0);
  return (1 - weight) * static_cast<double>(low) + weight * static_cast<double>(low + 1);
}

bool read_ends_at_sigma_min(const ConfigReader& config) {
  const std::string type = config.text("final_sigmas_type", "zero");
  if (type != "zero" && type != "sigma_min") config.fail("final_sigmas_type", "expected sigma_min or zero, found " + excerpt(type));
  return type == "sigma_min";
}

}  // namespace p2p::engine
