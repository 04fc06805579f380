#include "engine/sampling/ddpm_wuerstchen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <vector>

#include "base/json.hpp"
#include "engine/sampling/torch_rng.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

// Made by tools/golden/sampling.py: whole loops whose model answers 0.1 * sample. 0 steps stand for the published schedule.
TEST(DdpmWuerstchen, EqualsDiffusersOverWholeLoops) {
  for (const Json& loop : read_json(P2P_SOURCE_DIR "/tests/golden/sampling/ddpm_wuerstchen.json")) {
    const int steps = loop.at("steps").get<int>();
    SCOPED_TRACE(testing::Message() << "s " << loop.at("s") << ", scaler " << loop.at("scaler") << ", " << steps << " steps");
    const DdpmWuerstchen scheduler(loop.at("s").get<float>(), loop.at("scaler").get<float>());
    const std::vector<float> times = steps > 0 ? DdpmWuerstchen::times(steps) : wuerstchen_prior_times();
    ASSERT_EQ(times, loop.at("times").get<std::vector<float>>());

    TorchRng rng(7);
    std::vector<float> sample(60);
    std::vector<float> output(60);
    std::vector<float> noise(60);
    rng.randn(sample);
    for (std::size_t i = 0; i + 1 < times.size(); ++i) {
      for (std::size_t k = 0; k < sample.size(); ++k) output[k] = 0.1F * sample[k];
      rng.randn(noise);
      scheduler.step(output, times[i], times[i + 1], sample, noise);
    }
    const auto expected = loop.at("sample").at("values").get<std::vector<float>>();
    ASSERT_EQ(expected.size(), 40U);
    for (std::size_t i = 0; i < 40; ++i) {
      const float value = expected[i];
      ASSERT_NEAR(sample[i < 20 ? i : i + 20], value, 2e-5 * (1.0 + std::abs(value))) << "at " << i;
    }
    const double sum = std::accumulate(sample.begin(), sample.end(), 0.0);
    EXPECT_NEAR(sum, loop.at("sample").at("sum").get<double>(), 2e-4 * (1.0 + std::abs(sum)));
  }
}

TEST(DdpmWuerstchen, PredictsOriginalOfNoisySample) {
  const DdpmWuerstchen scheduler;
  const std::vector<float> original{-1, 0, 0.5F, 2};
  const std::vector<float> noise{1, -2, 0, 0.5F};
  for (const float t : {0.9F, 0.5F, 0.1F}) {
    std::vector<float> sample = original;
    scheduler.add_noise(sample, noise, t);
    const std::vector<float> predicted = scheduler.predicted_original(noise, t, sample);
    for (std::size_t k = 0; k < original.size(); ++k) EXPECT_NEAR(predicted[k], original[k], 1e-5) << t;
  }
}

TEST(DdpmWuerstchen, TimesRunFromOneToZero) {
  for (const int steps : {1, 2, 29, 1000}) {
    const std::vector<float> times = DdpmWuerstchen::times(steps);
    ASSERT_EQ(times.size(), static_cast<std::size_t>(steps) + 1);
    EXPECT_EQ(times.front(), 1.0F);
    EXPECT_EQ(times.back(), 0.0F);
    EXPECT_TRUE(std::is_sorted(times.rbegin(), times.rend()));
  }
}

class DdpmWuerstchenConfig : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) const {
    std::ofstream(file_) << text;
    return file_;
  }

 private:
  golden::TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "scheduler_config.json";
};

TEST_F(DdpmWuerstchenConfig, IsRead) {
  const auto file = write(R"({"_class_name": "DDPMWuerstchenScheduler", "s": 0.1, "scaler": 2.0})");
  const DdpmWuerstchen read = DdpmWuerstchen::load(file);
  const DdpmWuerstchen made(0.1F, 2.0F);
  std::vector<float> a{1.0F};
  std::vector<float> b{1.0F};
  const std::vector<float> half{0.5F};
  read.step(half, 0.7F, 0.3F, a, half);
  made.step(half, 0.7F, 0.3F, b, half);
  EXPECT_EQ(a, b);
}

TEST_F(DdpmWuerstchenConfig, WithAnotherClassOrAbsurdNumbersIsRefused) {
  EXPECT_THROW(DdpmWuerstchen::load(write(R"({"_class_name": "DDIMScheduler"})")), ModelError);
  EXPECT_THROW(DdpmWuerstchen::load(write(R"({"_class_name": "DDPMWuerstchenScheduler", "s": -1.0})")), ModelError);
  EXPECT_THROW(DdpmWuerstchen::load(write(R"({"_class_name": "DDPMWuerstchenScheduler", "scaler": 0})")), ModelError);
  EXPECT_THROW(DdpmWuerstchen::load(write(R"({"_class_name": "DDPMWuerstchenScheduler", "scaler": "1"})")), ModelError);
}

}  // namespace
}  // namespace p2p::engine
