#include "services/worker/image_generators.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"

namespace p2p::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

messages::Request request(std::uint64_t seed) { return {.id = "x", .time = now(), .model = "flat", .prompt = "лиса", .seed = seed}; }

TEST(FlatGenerator, DerivesColourFromSeed) {
  const auto generator = flat_generator({}, "prompt2pic test");
  const auto draw = [&](std::uint64_t seed) { return generator->draw(request(seed), "", [](const auto&) {}, {}).picture.bytes; };
  EXPECT_THAT(draw(1), StartsWith("\x89PNG"));
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  EXPECT_THAT(draw(1), HasSubstr("лиса\nSampler: none, Seed: 1, Size: 64x64")) << "readers of parameters find them";
}

TEST(FlatGenerator, EncodesInRequestedFormat) {
  const auto generator = flat_generator({}, "prompt2pic test");
  const auto draw = [&](const std::string& format) {
    messages::Request asked = request(1);
    asked.output_format = format;
    asked.output_compression = 50;
    return generator->draw(asked, "", [](const auto&) {}, {}).picture.bytes;
  };
  EXPECT_THAT(draw("jpeg"), StartsWith("\xff\xd8\xff"));
  EXPECT_THAT(draw("webp"), StartsWith("RIFF"));
  EXPECT_THAT(draw("png"), StartsWith("\x89PNG"));
  for (const char* format : {"jpeg", "webp"}) EXPECT_THAT(draw(format), HasSubstr("UNICODE")) << "readers of parameters find them";
}

TEST(FlatGenerator, GivesPreviewsUnlessTheyAreOff) {
  const auto previews = [](bool on) {
    const auto generator = flat_generator(std::chrono::milliseconds(10), "", on);
    const bool says_so = !generator->describe().features.empty();
    int count = 0;
    generator->draw(request(1), "",
                    [&](const GenerationProgress& at) {
                      if (!at.preview) return;
                      ++count;
                      EXPECT_THAT(at.preview(), StartsWith("\x89PNG"));
                    },
                    {});
    EXPECT_EQ(says_so, count > 0);
    return count;
  };
  EXPECT_EQ(previews(true), 10);
  EXPECT_EQ(previews(false), 0);
}

TEST(FlatGenerator, StopsOnRequest) {
  const auto generator = flat_generator(std::chrono::seconds(60), "");
  std::stop_source stop;
  int steps = 0;
  const auto stop_at_once = [&](const GenerationProgress&) {
    ++steps;
    stop.request_stop();
  };
  EXPECT_THROW(generator->draw(request(1), "", stop_at_once, stop.get_token()), Cancelled);
  EXPECT_EQ(steps, 1);
}

}  // namespace
}  // namespace p2p::worker
