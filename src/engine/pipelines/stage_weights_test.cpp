#include "engine/pipelines/stage_weights.hpp"

#include <gtest/gtest.h>

namespace p2p::engine {
namespace {

TEST(StageWeights, AddUpTheStagesBeforeAndThePartOfTheCurrentOne) {
  const std::vector<StageWeight> weights{{Stage::text, 1}, {Stage::unet, 6}, {Stage::vae, 1}};
  EXPECT_EQ(fraction_done(weights, Stage::text, 0, 1), 0);
  EXPECT_EQ(fraction_done(weights, Stage::text, 1, 1), 0.125);
  EXPECT_EQ(fraction_done(weights, Stage::unet, 0, 4), 0.125);
  EXPECT_EQ(fraction_done(weights, Stage::unet, 2, 4), 0.5);
  EXPECT_EQ(fraction_done(weights, Stage::vae, 1, 1), 1);
  EXPECT_EQ(fraction_done(weights, Stage::unet, 0, 0), 0.125);
  EXPECT_EQ(fraction_done({}, Stage::unet, 1, 2), 0);
}

TEST(StageWeights, DoNotDecreaseBetweenStages) {
  const std::vector<StageWeight> weights{{Stage::text, 0.01}, {Stage::decoder, 0.4}, {Stage::vae, 0.04}};  // 0.4 * 3 / 3 > 0.4
  for (int total = 1; total <= 1000; ++total)
    EXPECT_LE(fraction_done(weights, Stage::decoder, total, total), fraction_done(weights, Stage::vae, 0, 1)) << total;
}

TEST(StageWeights, AreTheTimesOfTheLastGeneration) {
  const StageWeights weights({{Stage::text, 0.5}, {Stage::unet, 0.5}});
  EXPECT_EQ(fraction_done(weights.get(), Stage::text, 1, 1), 0.5);
  weights.set(std::vector<StageTime>{{.stage = Stage::text, .seconds = 1, .step_seconds = {}},
                                     {.stage = Stage::unet, .seconds = 3, .step_seconds = {}}});
  EXPECT_EQ(fraction_done(weights.get(), Stage::text, 1, 1), 0.25);
}

TEST(StageWeights, ScaleToAPartOfTheWhole) {
  double fraction = 0;
  const ProgressFn progress = [&](const Progress& at) { fraction = at.fraction; };
  scaled(progress, 0.5, 1)({.fraction = 0.5});
  EXPECT_EQ(fraction, 0.75);
  EXPECT_FALSE(scaled({}, 0, 1));
}

}  // namespace
}  // namespace p2p::engine
