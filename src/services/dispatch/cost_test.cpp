#include "services/dispatch/cost.hpp"

#include <gtest/gtest.h>

namespace p2p::dispatch {
namespace {

using messages::Request;

TEST(Costs, RequestWithDefaultsCostsOne) { EXPECT_EQ(Costs().of({.model = "m", .prompt = "a fox"}), 1); }

TEST(Costs, MultipliesPixelsStepsAndPictures) {
  const Costs costs;
  EXPECT_EQ(costs.of({.model = "m", .count = 10, .width = 1536, .height = 1536, .steps = 150}), 10 * 9 * 5);
  EXPECT_EQ(costs.of({.model = "m", .width = 1024}), 4) << "the other side as long";
  EXPECT_EQ(costs.of({.model = "m", .steps = 30, .decoder_steps = 24}), 2);
  EXPECT_EQ(costs.of({.model = "m", .variations = {1, 2}, .upscale = 3}), 12);
  EXPECT_EQ(costs.of({.model = "m", .strength = 0.5, .image_key = "inputs/2026/11/24/a.png"}), 0.5) << "half of the steps";
  EXPECT_EQ(costs.of({.model = "m", .width = 1, .height = 1, .steps = 1}), 0.1);
}

TEST(Costs, LearnsDefaultsFromFinishedRequests) {
  Costs costs;
  const messages::Finished finished{.images = {{.width = 1024, .height = 1024}}, .used = {{"steps", "60"}, {"decoder_steps", "x"}}};
  costs.learn({.model = "m", .width = 1024, .height = 1024, .steps = 60}, finished);
  EXPECT_EQ(costs.of({.model = "m", .width = 512, .height = 512, .steps = 30}), 1) << "it was asked for these";
  costs.learn({.model = "m", .steps = 60, .image_key = "inputs/2026/11/24/a.png"}, finished);
  EXPECT_EQ(costs.of({.model = "m", .width = 512, .height = 512, .steps = 30}), 1) << "the size is the picture's";
  costs.learn({.model = "m"}, finished);
  EXPECT_EQ(costs.of({.model = "m", .width = 1024, .height = 1024, .steps = 60}), 1);
  EXPECT_EQ(costs.of({.model = "m", .decoder_steps = 12}), 1);
  EXPECT_EQ(costs.of({.model = "other", .width = 1024, .height = 1024}), 4);
}

}  // namespace
}  // namespace p2p::dispatch
