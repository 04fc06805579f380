#include "engine/sampling/scheduler_bases.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace p2p::engine {
namespace {

void mix(std::span<const float> original, float weight, std::span<const float> noise, float noise_weight, std::span<float> noisy) {
  for (std::size_t k = 0; k < noisy.size(); ++k) noisy[k] = weight * original[k] + noise_weight * noise[k];
}

}  // namespace

Prediction read_prediction(const ConfigReader& config, bool accepts_sample) {
  const std::string type = config.text("prediction_type", "epsilon");
  if (type == "epsilon") return Prediction::epsilon;
  if (type == "v_prediction") return Prediction::v_prediction;
  if (type == "sample" && accepts_sample) return Prediction::sample;
  config.fail("prediction_type",
              "expected " + std::string(accepts_sample ? "epsilon, sample" : "epsilon") + " or v_prediction, found " + excerpt(type));
}

std::vector<float> predicted_original(const Scheduler& scheduler, Prediction prediction, std::size_t i, std::span<const float> sample,
                                      std::span<const float> model_output) {
  if (prediction == Prediction::sample) return {model_output.begin(), model_output.end()};
  // A sample is alpha x picture + sigma x noise, with other weights in each class.
  constexpr std::array<float, 2> kPicture{1, 0};
  constexpr std::array<float, 2> kNoise{0, 1};
  std::array<float, 2> weights{};
  scheduler.add_noise(kPicture, kNoise, i, weights);
  const auto [alpha, sigma] = weights;
  const float length = std::hypot(alpha, sigma);
  std::vector<float> original(sample.size());
  for (std::size_t k = 0; k < sample.size(); ++k) {
    original[k] = prediction == Prediction::epsilon ? (sample[k] - sigma * model_output[k]) / alpha
                                                    : (alpha / length * sample[k] - sigma * model_output[k]) / length;
  }
  return original;
}

float read_clip(const ConfigReader& config, bool fallback) {
  const auto range = static_cast<float>(config.number("clip_sample_range", 1e-3, 1e6, 1.0));
  return config.boolean("clip_sample", fallback) ? range : std::numeric_limits<float>::infinity();
}

void expect_only(const ConfigReader& config, std::string_view key, const Json& only) {
  const auto found = config.json().find(key);
  if (found != config.json().end() && *found != only)
    config.fail(key, "expected " + excerpt(only) + ", which alone is supported, found " + excerpt(*found));
}

AlphaScheduler::AlphaScheduler(std::shared_ptr<const std::vector<float>> alphas_cumprod, std::vector<float> timesteps)
    : alphas_cumprod_(std::move(alphas_cumprod)), timesteps_(std::move(timesteps)) {
  alpha(static_cast<int>(std::ranges::max(timesteps_)));
}

void AlphaScheduler::scale_model_input(std::span<const float> sample, std::size_t /*i*/, std::span<float> scaled) const {
  std::ranges::copy(sample, scaled.begin());
}

void AlphaScheduler::add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const {
  const float now = alpha(timestep(i));
  mix(original, std::sqrt(now), noise, std::sqrt(1.0F - now), noisy);
}

float AlphaScheduler::alpha(int t) const {
  if (std::cmp_greater_equal(t, alphas_cumprod_->size()))
    throw UsageError(sentence("too_many_steps", "so many steps begin at timestep {0}, but the model was trained with {1}: take fewer steps",
                              t, alphas_cumprod_->size()));
  return (*alphas_cumprod_)[t < 0 ? alphas_cumprod_->size() - static_cast<std::size_t>(-t) : static_cast<std::size_t>(t)];
}

NoiseLevel::NoiseLevel(float level)
    : alpha(1.0F / std::sqrt(level * level + 1.0F)), sigma(level * alpha), lambda(std::log(alpha) - std::log(sigma)) {}

void LevelScheduler::scale_model_input(std::span<const float> sample, std::size_t /*i*/, std::span<float> scaled) const {
  std::ranges::copy(sample, scaled.begin());
}

void LevelScheduler::add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const {
  const NoiseLevel now = level(i);
  mix(original, now.alpha, noise, now.sigma, noisy);
}

std::vector<float> LevelScheduler::converted(Prediction prediction, bool data, std::span<const float> model_output,
                                             std::span<const float> sample, std::size_t i) const {
  const NoiseLevel now = level(i);
  std::vector<float> values(model_output.begin(), model_output.end());
  for (std::size_t k = 0; k < values.size(); ++k) {
    float& value = values[k];
    if (prediction == Prediction::v_prediction)
      value = data ? now.alpha * sample[k] - now.sigma * value : now.alpha * value + now.sigma * sample[k];
    else if (prediction == Prediction::epsilon && data)
      value = (sample[k] - now.sigma * value) / now.alpha;
    else if (prediction == Prediction::sample && !data)
      value = (sample[k] - now.alpha * value) / now.sigma;
  }
  return values;
}

SigmaScheduler::SigmaScheduler(std::vector<float> timesteps, std::vector<float> sigmas, TimestepSpacing::Kind spacing)
    : timesteps_(std::move(timesteps)), sigmas_(std::move(sigmas)), init_noise_sigma_(std::ranges::max(sigmas_)) {
  // The other spacings start with pure noise.
  if (spacing == TimestepSpacing::Kind::leading) init_noise_sigma_ = std::sqrt(init_noise_sigma_ * init_noise_sigma_ + 1.0F);
}

void SigmaScheduler::scale_model_input(std::span<const float> sample, std::size_t i, std::span<float> scaled) const {
  const float deviation = std::sqrt(sigmas_[i] * sigmas_[i] + 1.0F);
  for (std::size_t k = 0; k < sample.size(); ++k) scaled[k] = sample[k] / deviation;
}

void SigmaScheduler::add_noise(std::span<const float> original, std::span<const float> noise, std::size_t i, std::span<float> noisy) const {
  mix(original, 1.0F, noise, sigmas_[i], noisy);
}

SigmaDenoiser::SigmaDenoiser(Prediction prediction, float sigma)
    : prediction_(prediction), sigma_(sigma), variance_(sigma * sigma + 1.0F), v_weight_(-sigma / std::sqrt(variance_)) {}

float SigmaDenoiser::operator()(float sample, float model_output) const {
  switch (prediction_) {
    case Prediction::epsilon:
      return sample - sigma_ * model_output;
    case Prediction::v_prediction:
      return model_output * v_weight_ + sample / variance_;
    case Prediction::sample:
      return model_output;
  }
  return model_output;
}

std::vector<float> with_last(std::span<const double> sigmas, double last) {
  std::vector<float> all;
  for (const double sigma : sigmas) all.push_back(static_cast<float>(sigma));
  all.push_back(static_cast<float>(last));
  return all;
}

}  // namespace p2p::engine
