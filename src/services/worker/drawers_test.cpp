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
  wish.width = 60'000;
  EXPECT_THROW(drawer->draw(wish, [](const auto&) {}, {}), UsageError);
}

}  // namespace
}  // namespace p2p::worker
