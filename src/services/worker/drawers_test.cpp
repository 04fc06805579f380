#include "services/worker/drawers.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "base/error.hpp"

namespace p2p::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

messages::Request request(std::uint64_t seed) { return {.id = "x", .time = now(), .model = "flat", .prompt = "лиса", .seed = seed}; }

TEST(FlatDrawer, TheSeedIsTheColour) {
  const auto drawer = flat_drawer({}, "prompt2pic test");
  const auto draw = [&](std::uint64_t seed) { return drawer->draw(request(seed), [](const auto&) {}, {}).picture.png; };
  EXPECT_THAT(draw(1), StartsWith("\x89PNG"));
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  EXPECT_THAT(draw(1), HasSubstr("лиса\nSampler: none, Seed: 1, Size: 64x64")) << "readers of parameters find them";
}

TEST(FlatDrawer, StopsWhenAsked) {
  const auto drawer = flat_drawer(std::chrono::seconds(60), "");
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop.request_stop();
  });
  EXPECT_THROW(drawer->draw(request(1), [](const auto&) {}, stop.get_token()), Cancelled);
}

TEST(EngineDrawer, DrawsAndTellsHowFarItIs) {
  const auto drawer = engine_drawer(engine::load_text_to_image(P2P_SOURCE_DIR "/models/emoji"),
                                    {.model = "emoji", .program = "prompt2pic test", .steps = 2, .decoder_steps = 3});
  messages::Request wish = request(7);
  wish.steps = 1;
  std::vector<double> fractions;
  const Drawing drawing = drawer->draw(wish, [&](const DrawingProgress& at) { fractions.push_back(at.fraction); }, {});
  EXPECT_EQ(drawing.picture.width, 128);
  EXPECT_EQ(drawing.used.at("steps"), "1") << "the request's own wish comes first";
  EXPECT_EQ(drawing.used.at("decoder_steps"), "3");
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_LT(fractions.back(), 1);
  EXPECT_THAT(drawing.picture.png, HasSubstr("Model: emoji"));
  EXPECT_EQ(drawing.seconds.size(), 4u);
  EXPECT_THAT(drawing.offers, ::testing::ElementsAre("variation")) << "Würstchen cannot begin with a picture";

  wish.steps = 4;
  wish.variations = {8, 9, 10, 11};
  fractions.clear();
  const Drawing varied = drawer->draw(wish, [&](const DrawingProgress& at) { fractions.push_back(at.fraction); }, {});
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_THAT(varied.picture.png, HasSubstr("Varied with seeds: 8 9 10 11, Denoising strength: 0.6"));
  EXPECT_THAT(varied.offers, ::testing::IsEmpty()) << "each would take longer than the one before";
  wish.width = 60'000;
  EXPECT_THROW(drawer->draw(wish, [](const auto&) {}, {}), UsageError);
}

TEST(EngineDrawer, DrawsLargerAndTellsHowFarItIsOverBothDrawings) {
  const auto drawer = engine_drawer(engine::load_text_to_image(P2P_SOURCE_DIR "/tests/golden/stable_diffusion/sd1"),
                                    {.model = "sd1", .program = "prompt2pic test", .steps = 4, .decoder_steps = {}});
  std::vector<double> fractions;
  const auto tell = [&](const DrawingProgress& at) { fractions.push_back(at.fraction); };
  messages::Request wish = request(7);
  wish.width = wish.height = 64;
  EXPECT_THAT(drawer->draw(wish, tell, {}).offers, ::testing::ElementsAre("variation", "larger"));
  fractions.clear();
  wish.upscale = 1.5;
  const Drawing larger = drawer->draw(wish, tell, {});
  EXPECT_EQ(larger.picture.width, 96);
  EXPECT_THAT(larger.offers, ::testing::ElementsAre("variation"));
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_LT(fractions.back(), 1);
}

}  // namespace
}  // namespace p2p::worker
