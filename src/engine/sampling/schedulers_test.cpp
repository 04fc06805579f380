#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "base/json.hpp"
#include "engine/sampling/scheduler_config.hpp"

namespace p2p::engine {
namespace {

SchedulerConfig config_of(const Json& loop) {
  const auto outdated = loop.at("amended").get<bool>() ? SchedulerConfig::Outdated::amend : SchedulerConfig::Outdated::keep;
  return SchedulerConfig::load(ConfigReader("scheduler_config.json", loop.at("config")), loop.at("class").get<std::string>(), outdated);
}

// torch's square root on a CPU is MKL's, and up to a unit in the last place off the truth: no constant can be had to the last bit.
constexpr double kConstant = 3e-6;

// KDPM2AncestralDiscrete subtracts nearly equal squares of such roots to find the timestep in the middle of a long step.
constexpr double kMiddle = 2e-2;

/// Whether the sampler that a loop uses is of diffusers' class `name` or of our method `method`.
bool uses(const Json& loop, std::string_view name, std::string_view method) {
  const Json& sampler = loop.at("sampler");
  return sampler.is_null() ? loop.at("class") == name : sampler.get<std::string>().starts_with(method);
}

/// The sample after a loop, as `loop` in tools/golden/samplers.py does it.
std::vector<float> run(Scheduler& scheduler, std::size_t start) {
  std::vector<float> sample(60);
  std::vector<float> x(60);
  std::vector<float> output(60);
  std::vector<float> noise(60);
  TorchRng rng(7);
  rng.randn(noise);
  if (start == 0) {
    std::ranges::transform(noise, sample.begin(), [&](float value) { return value * scheduler.init_noise_sigma(); });
  } else {
    for (std::size_t k = 0; k < 60; ++k) x[k] = -1.0F + 2.0F / 59.0F * static_cast<float>(k);
    scheduler.add_noise(x, noise, start, sample);
  }
  for (std::size_t i = start; i < scheduler.timesteps().size(); ++i) {
    scheduler.scale_model_input(sample, i, x);
    for (std::size_t k = 0; k < 60; ++k) output[k] = 0.4F * x[k] + 0.3F * std::sin(x[k] + scheduler.timesteps()[i] / 100.0F);
    scheduler.step(output, i, sample, rng);
  }
  return sample;
}

void expect_equal(const Json& loop) {
  const Json& named = loop.at("sampler");
  const int steps = loop.at("steps").get<int>();
  const auto start = loop.at("start").get<std::size_t>();
  SCOPED_TRACE(testing::Message() << loop.at("class") << " " << loop.at("config") << (loop.at("amended").get<bool>() ? " amended" : "")
                                  << ", sampler " << named << ", " << steps << " steps from " << start);
  const auto sampler = named.is_null() ? std::nullopt : sampler_named(named.get<std::string>());
  const std::unique_ptr<Scheduler> scheduler = config_of(loop).make(steps, sampler);
  const auto timesteps = loop.at("timesteps").get<std::vector<float>>();
  ASSERT_EQ(scheduler->timesteps().size(), timesteps.size());
  const double inexact = uses(loop, "KDPM2AncestralDiscreteScheduler", "dpm2_a") ? kMiddle : 0.0;
  for (std::size_t i = 0; i < timesteps.size(); ++i)
    ASSERT_NEAR(scheduler->timesteps()[i], timesteps[i], kConstant * (0.1 + std::abs(timesteps[i])) + inexact) << "timestep " << i;
  const auto sigma = loop.at("init_noise_sigma").get<float>();
  ASSERT_NEAR(scheduler->init_noise_sigma(), sigma, kConstant * sigma);

  const std::vector<float> sample = run(*scheduler, start);
  const auto expected = loop.at("sample").get<std::vector<float>>();
  ASSERT_EQ(!expected.empty(), std::ranges::all_of(sample, [](float value) { return std::isfinite(value); }));
  if (expected.empty()) return;
  // Weights of the third order are such differences, too.
  const bool delicate = uses(loop, "KDPM2AncestralDiscreteScheduler", "dpm2_a") || uses(loop, "DEISMultistepScheduler", "deis") ||
                        uses(loop, "", "dpmpp_3m_sde");
  const double relative = delicate ? 3e-5 : 1e-5;
  const double rounding = 1e-6 * sigma + (delicate ? 6e-5 : 0.0);  // of what the loop begins with
  for (std::size_t k = 0; k < expected.size(); ++k)
    ASSERT_NEAR(sample[k < 6 ? k : k + 48], expected[k], relative * (1.0 + std::abs(expected[k])) + rounding) << "at " << k;
  const double sum = std::accumulate(sample.begin(), sample.end(), 0.0);
  ASSERT_NEAR(sum, loop.at("sum").get<double>(), 2e-4 * (1.0 + std::abs(sum)) + 60 * rounding);
}

// P2P_SAMPLERS_GOLDEN names another file, as `tools/golden/samplers.py --random 5000 -o FILE` writes it.
TEST(Schedulers, EqualDiffusersOverWholeLoops) {
  const char* const other = std::getenv("P2P_SAMPLERS_GOLDEN");
  const Json loops = read_json(other ? other : P2P_SOURCE_DIR "/tests/golden/sampling/samplers.json");
  EXPECT_FALSE(loops.empty());
  for (const Json& loop : loops) expect_equal(loop);
}

// These samplers end at the picture that the network predicts last.
TEST(Schedulers, LastStepReachesPredictedOriginal) {
  for (const Sampler& sampler : {Sampler(Sampler::ddim), Sampler(Sampler::euler), Sampler(Sampler::dpm2), Sampler(Sampler::dpmpp_2s),
                                 Sampler(Sampler::dpmpp_2m), Sampler(Sampler::dpmpp_2m, NoiseSchedule::karras), Sampler(Sampler::unipc)}) {
    for (const char* type : {"epsilon", "v_prediction", "sample"}) {
      if (sampler == Sampler::dpm2 && type == std::string_view("sample")) continue;  // its class does not take it
      SCOPED_TRACE(testing::Message() << name_of(sampler) << ", " << type);
      const auto config = SchedulerConfig::load(ConfigReader("scheduler_config.json", {{"prediction_type", type}, {"clip_sample", false}}),
                                                "EulerDiscreteScheduler");
      const auto scheduler = config.make(5, sampler);
      std::vector<float> sample(60);
      std::vector<float> output(60);
      TorchRng rng(7);
      rng.randn(sample);
      rng.randn(output);
      std::vector<float> original;
      for (std::size_t i = 0; i < scheduler->timesteps().size(); ++i) {
        original = predicted_original(*scheduler, config.prediction(), i, sample, output);
        scheduler->step(output, i, sample, rng);
      }
      for (std::size_t k = 0; k < sample.size(); ++k) ASSERT_NEAR(original[k], sample[k], 1e-4 * (1.0 + std::abs(sample[k]))) << "at " << k;
    }
  }
}

}  // namespace
}  // namespace p2p::engine
