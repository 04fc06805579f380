#include "engine/sampling/ddpm_wuerstchen.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {
namespace {

float squared_cosine(float ratio) {
  const float cosine = std::cos(ratio * std::numbers::pi_v<float> * 0.5F);
  return cosine * cosine;
}

/// numpy.linspace(from, to, count), appended without its first `skip` values.
void append_linspace(std::vector<float>& out, double from, double to, int count, int skip) {
  const double step = (to - from) / (count - 1);
  for (int i = skip; i + 1 < count; ++i) out.push_back(static_cast<float>(i * step + from));
  out.push_back(static_cast<float>(to));
}

}  // namespace

DdpmWuerstchen::DdpmWuerstchen(float s, float scaler) : s_(s), scaler_(scaler), alpha_cumprod_at_0_(squared_cosine(s / (1.0F + s))) {}

DdpmWuerstchen DdpmWuerstchen::load(const std::filesystem::path& config_file) {
  const ConfigReader config(config_file);
  if (const std::string name = config.text("_class_name"); name != "DDPMWuerstchenScheduler")
    config.fail("_class_name", "expected DDPMWuerstchenScheduler, found " + name);
  // Outside these bounds the cosine leaves its first quarter period, or steps have no effect.
  return DdpmWuerstchen(static_cast<float>(config.number("s", 0.0, 10.0, 0.008)),
                        static_cast<float>(config.number("scaler", 1e-3, 1e3, 1.0)));
}

std::vector<float> DdpmWuerstchen::times(int steps) {
  std::vector<float> times(static_cast<std::size_t>(std::max(steps, 1)) + 1);
  const int last = static_cast<int>(times.size()) - 1;
  const float step = -1.0F / static_cast<float>(last);
  // torch counts from the nearer end with fused multiply-adds. Bit-identical, because networks get 10000 times these numbers.
  for (int i = 0; i <= last; ++i)
    times[static_cast<std::size_t>(i)] =
        i < (last + 1) / 2 ? std::fma(step, static_cast<float>(i), 1.0F) : -step * static_cast<float>(last - i);
  return times;
}

float DdpmWuerstchen::alpha_cumprod(float t) const {
  if (scaler_ > 1) t = 1.0F - std::pow(1.0F - t, scaler_);
  if (scaler_ < 1) t = std::pow(t, scaler_);
  return std::clamp(squared_cosine((t + s_) / (1.0F + s_)) / alpha_cumprod_at_0_, 0.0001F, 0.9999F);
}

void DdpmWuerstchen::step(std::span<const float> model_output, float t, float t_prev, std::span<float> sample,
                          std::span<const float> noise) const {
  const float now = alpha_cumprod(t);
  const float previous = alpha_cumprod(t_prev);
  const float alpha = now / previous;
  const float scale = std::sqrt(1.0F / alpha);
  const float denoise = 1.0F - alpha;
  const float spread = std::sqrt(1.0F - now);
  const float deviation = t_prev != 0 ? std::sqrt((1.0F - alpha) * (1.0F - previous) / (1.0F - now)) : 0.0F;
  for (std::size_t i = 0; i < sample.size(); ++i)
    sample[i] = scale * (sample[i] - denoise * model_output[i] / spread) + deviation * noise[i];
}

std::vector<float> DdpmWuerstchen::predicted_original(std::span<const float> model_output, float t, std::span<const float> sample) const {
  const float alpha = alpha_cumprod(t);
  std::vector<float> original(sample.size());
  for (std::size_t i = 0; i < sample.size(); ++i) original[i] = (sample[i] - std::sqrt(1.0F - alpha) * model_output[i]) / std::sqrt(alpha);
  return original;
}

void DdpmWuerstchen::add_noise(std::span<float> sample, std::span<const float> noise, float t) const {
  const float alpha = alpha_cumprod(t);
  for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = std::sqrt(alpha) * sample[i] + std::sqrt(1.0F - alpha) * noise[i];
}

std::vector<float> wuerstchen_prior_times() {
  constexpr double knee = 2.0 / 3.0;
  std::vector<float> times;
  append_linspace(times, 1.0, knee, 20, 0);
  append_linspace(times, knee, 0.0, 11, 1);
  return times;
}

}  // namespace p2p::engine
