#include "engine/sampling/betas.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "engine/sampling/numerics.hpp"

namespace p2p::engine {
namespace {

std::vector<float> betas_for_alpha_bar(std::size_t count, const std::function<double(double)>& alpha_bar) {
  const auto at = [&](std::size_t i) { return alpha_bar(static_cast<double>(i) / static_cast<double>(count)); };
  std::vector<float> betas(count);
  for (std::size_t i = 0; i < count; ++i) betas[i] = static_cast<float>(std::min(1.0 - at(i + 1) / at(i), 0.999));
  return betas;
}

std::vector<float> trained_betas(const ConfigReader& config, const Json& list, std::size_t count) {
  const std::string expected = "expected null or as many numbers from 1e-8 to 0.999 as num_train_timesteps says, " + std::to_string(count);
  if (!list.is_array() || list.size() != count) config.fail("trained_betas", expected + ", found " + excerpt(list));
  std::vector<float> betas;
  for (const Json& beta : list) {
    if (!beta.is_number() || beta < 1e-8 || beta > 0.999) config.fail("trained_betas", expected + ", found " + excerpt(beta));
    betas.push_back(beta.get<float>());
  }
  return betas;
}

std::vector<float> read_betas(const ConfigReader& config, const BetaOptions& options) {
  const std::size_t count = config.size("num_train_timesteps", 2, 100'000, 1000);
  if (const auto list = config.json().find("trained_betas"); list != config.json().end() && !list->is_null())
    return trained_betas(config, *list, count);
  const double start = config.number("beta_start", 1e-8, 0.999, options.start);
  const double end = config.number("beta_end", 1e-8, 0.999, options.end);
  const std::string schedule = config.text("beta_schedule", options.schedule);
  if (schedule == "linear") return torch::linspace(start, end, count);
  if (schedule == "scaled_linear") {
    std::vector<float> betas = torch::linspace(std::sqrt(start), std::sqrt(end), count);
    for (float& beta : betas) beta *= beta;
    return betas;
  }
  if (schedule == "squaredcos_cap_v2")
    return betas_for_alpha_bar(count, [](double t) {
      const double cosine = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
      return cosine * cosine;
    });
  if (schedule == "exp" && options.accepts_exp) return betas_for_alpha_bar(count, [](double t) { return std::exp(t * -12.0); });
  if (schedule == "sigmoid" && options.accepts_sigmoid) {
    std::vector<float> betas = torch::linspace(-6, 6, count);
    for (float& beta : betas) beta = 1.0F / (1.0F + std::exp(-beta)) * static_cast<float>(end - start) + static_cast<float>(start);
    return betas;
  }
  config.fail("beta_schedule", "expected linear, scaled_linear" + std::string(options.accepts_exp ? ", exp" : "") +
                                   (options.accepts_sigmoid ? ", sigmoid" : "") + " or squaredcos_cap_v2, found " + excerpt(schedule));
}

/// The cumulative product of 1 - betas, in double precision like torch.
std::vector<float> cumprod(std::span<const float> alphas) {
  std::vector<float> products;
  double product = 1.0;
  for (const float alpha : alphas) products.push_back(static_cast<float>(product *= alpha));
  return products;
}

/// Algorithm 1 of arXiv 2305.08891: the alphas, shifted and scaled so that the last timestep is pure noise.
std::vector<float> rescale_zero_terminal_snr(std::span<const float> alphas) {
  std::vector<float> bar_sqrt = cumprod(alphas);
  for (float& value : bar_sqrt) value = std::sqrt(value);
  const float first = bar_sqrt.front();
  const float last = bar_sqrt.back();
  const float scale = first / (first - last);
  for (float& value : bar_sqrt) value = (value - last) * scale;
  std::vector<float> rescaled(alphas.size());
  float previous = 1.0F;
  for (std::size_t i = 0; i < rescaled.size(); ++i) {
    const float bar = bar_sqrt[i] * bar_sqrt[i];
    const float beta = 1.0F - bar / previous;  // through betas and back, for the rounding
    rescaled[i] = 1.0F - beta;
    previous = bar;
  }
  return rescaled;
}

}  // namespace

std::vector<float> read_alphas_cumprod(const ConfigReader& config, const BetaOptions& options) {
  std::vector<float> alphas = read_betas(config, options);
  for (float& value : alphas) value = 1.0F - value;
  if (!config.boolean("rescale_betas_zero_snr", false)) return cumprod(alphas);
  std::vector<float> products = cumprod(rescale_zero_terminal_snr(alphas));
  if (options.keeps_last_snr) products.back() = 0x1p-24F;
  return products;
}

}  // namespace p2p::engine
