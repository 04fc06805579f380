#include "engine/sampling/dpm_solver.hpp"

#include <algorithm>
#include <cmath>

#include "engine/sampling/sigmas.hpp"

namespace p2p::engine {

DpmAlgorithm read_dpm_algorithm(const ConfigReader& config, bool accepts_sde_noise) {
  const std::string type = config.text("algorithm_type", "dpmsolver++");
  const bool data = type == "dpmsolver++" || type == "sde-dpmsolver++";
  if (!data && type != "dpmsolver" && type != "deis" && !(type == "sde-dpmsolver" && accepts_sde_noise))
    config.fail("algorithm_type", "expected deis, dpmsolver, dpmsolver++" + std::string(accepts_sde_noise ? ", sde-dpmsolver" : "") +
                                      " or sde-dpmsolver++, found " + excerpt(type));
  if (!data && !read_ends_at_sigma_min(config))
    config.fail("final_sigmas_type", "expected sigma_min, for algorithm_type is " + excerpt(type) + ", found zero");
  return {.data = data || type == "deis", .sde = type.starts_with("sde-")};
}

bool read_dpm_heun(const ConfigReader& config) {
  const std::string type = config.text("solver_type", "midpoint");
  if (type != "midpoint" && type != "heun" && type != "logrho" && type != "bh1" && type != "bh2")
    config.fail("solver_type", "expected heun or midpoint, found " + excerpt(type));
  return type == "heun";
}

int read_dpm_last_timestep(const ConfigReader& config, std::span<const float> alphas_cumprod) {
  const double lambda_min = config.number("lambda_min_clipped", -1e308, 100.0, -1e308);
  const auto clipped = std::ranges::count_if(
      alphas_cumprod, [=](float alpha) { return std::log(std::sqrt(alpha)) - std::log(std::sqrt(1.0F - alpha)) < lambda_min; });
  const int last = static_cast<int>(alphas_cumprod.size()) - static_cast<int>(clipped);
  if (last < 2) config.fail("lambda_min_clipped", "expected a bound that leaves timesteps, found " + excerpt(lambda_min));
  return last;
}

void expect_no_variance(const ConfigReader& config) {
  if (const std::string type = config.text("variance_type", ""); type.starts_with("learned"))
    config.fail("variance_type", "expected a network that does not predict variance, found " + excerpt(type));
}

DpmWeights::DpmWeights(const DpmAlgorithm& algorithm, bool heun, const NoiseLevel& from, const NoiseLevel& to, std::size_t order) {
  const float h = to.lambda - from.lambda;
  const bool by_heun = order == 3 || heun;
  if (algorithm.data && algorithm.sde) {
    const float gain = 1.0F - std::exp(-2.0F * h);
    sample = to.sigma / from.sigma * std::exp(-h);
    d0 = to.alpha * gain;
    d1 = by_heun ? to.alpha * (gain / (-2.0F * h) + 1.0F) : 0.5F * d0;
    d2 = to.alpha * ((gain - 2.0F * h) / (2.0F * h * (2.0F * h)) - 0.5F);
    noise = to.sigma * std::sqrt(gain);
  } else if (algorithm.data) {
    const float gain = std::exp(-h) - 1.0F;
    sample = to.sigma / from.sigma;
    d0 = -(to.alpha * gain);
    d1 = by_heun ? to.alpha * (gain / h + 1.0F) : 0.5F * d0;
    d2 = -(to.alpha * ((gain + h) / (h * h) - 0.5F));
  } else {
    const float gain = std::exp(h) - 1.0F;
    sample = to.alpha / from.alpha;
    d0 = -(to.sigma * gain);
    d1 = by_heun ? -(to.sigma * (gain / h - 1.0F)) : 0.5F * d0;
    d2 = -(to.sigma * ((gain - h) / (h * h) - 0.5F));
    if (algorithm.sde) {
      d0 *= 2.0F;
      d1 *= 2.0F;
      noise = to.sigma * std::sqrt(std::exp(2.0F * h) - 1.0F);
    }
  }
}

}  // namespace p2p::engine
