#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "engine/image/image.hpp"
#include "engine/image/read_image.hpp"
#include "services/worker/image_generators.hpp"

namespace p2p::worker {
namespace {

using ::testing::HasSubstr;

messages::Request request(std::uint64_t seed) { return {.id = "x", .time = now(), .model = "flat", .prompt = "лиса", .seed = seed}; }

TEST(EngineGenerator, DrawsAndReportsProgress) {
  const auto generator = engine_generator(engine::load_text_to_image(P2P_SOURCE_DIR "/models/emoji"),
                                          {.model = "emoji", .program = "prompt2pic test", .steps = 2, .decoder_steps = 3});
  messages::Request asked = request(7);
  asked.steps = 1;
  std::vector<double> fractions;
  const GenerationResult drawing = generator->draw(asked, "", [&](const GenerationProgress& at) { fractions.push_back(at.fraction); }, {});
  EXPECT_EQ(drawing.picture.width, 128);
  EXPECT_EQ(drawing.used.at("steps"), "1") << "the request takes precedence";
  EXPECT_EQ(drawing.used.at("decoder_steps"), "3");
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_LT(fractions.back(), 1);
  EXPECT_THAT(drawing.picture.bytes, HasSubstr("Model: emoji"));
  EXPECT_EQ(drawing.seconds.size(), 4u);
  EXPECT_THAT(drawing.offers, ::testing::ElementsAre("variation")) << "Würstchen cannot begin with a picture";

  asked.steps = 4;
  asked.variations = {8, 9, 10, 11};
  fractions.clear();
  const GenerationResult varied = generator->draw(asked, "", [&](const GenerationProgress& at) { fractions.push_back(at.fraction); }, {});
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_THAT(varied.picture.bytes, HasSubstr("Varied with seeds: 8 9 10 11, Denoising strength: 0.6"));
  EXPECT_THAT(varied.offers, ::testing::IsEmpty()) << "each would take longer than the one before";
  asked.width = 60'000;
  EXPECT_THROW(generator->draw(asked, "", [](const auto&) {}, {}), UsageError);
}

TEST(EngineGenerator, DrawsNearestSizeOfModel) {
  const auto generator =
      engine_generator(engine::load_text_to_image(P2P_SOURCE_DIR "/models/emoji"),
                       {.model = "emoji", .program = "prompt2pic test", .steps = 1, .decoder_steps = 1, .card = {.sizes = {{128, 128}}}});
  messages::Request asked = request(7);
  asked.width = asked.height = 512;
  const GenerationResult drawing = generator->draw(asked, "", [](const auto&) {}, {});
  EXPECT_EQ(drawing.picture.width, 128);
  EXPECT_THAT(drawing.picture.bytes, HasSubstr("Size: 128x128"));
  EXPECT_THAT(drawing.notices, ::testing::ElementsAre("drawn at 128x128, the size next to 512x512 that the model can draw"));
  asked.width = asked.height = 128;
  EXPECT_THAT(generator->draw(asked, "", [](const auto&) {}, {}).notices, ::testing::IsEmpty());
}

TEST(EngineGenerator, RefusesTooLargePictures) {
  const auto generator =
      engine_generator(engine::load_text_to_image(P2P_SOURCE_DIR "/tests/golden/stable_diffusion/sd1"),
                       {.model = "sd1", .program = "prompt2pic test", .steps = 1, .decoder_steps = {}, .max_pixels = 64 * 64});
  messages::Request asked = request(7);
  asked.width = asked.height = 64;
  EXPECT_NO_THROW(generator->draw(asked, "", [](const auto&) {}, {}));
  asked.upscale = 1.5;
  EXPECT_THROW(generator->draw(asked, "", [](const auto&) {}, {}), UsageError);
  asked.upscale = {};
  asked.width = 65;
  EXPECT_THROW(generator->draw(asked, "", [](const auto&) {}, {}), UsageError);
}

TEST(EngineGenerator, BeginsWithAPicture) {
  const auto generator = engine_generator(engine::load_text_to_image(P2P_SOURCE_DIR "/tests/golden/stable_diffusion/sd1"),
                                          {.model = "sd1", .program = "prompt2pic test", .steps = 4, .decoder_steps = {}});
  const int usual = *generator->describe().width;
  const auto picture = [](int width, int height) {
    const engine::Image image{width, height, std::vector<std::uint8_t>(std::size_t{3} * static_cast<std::size_t>(width * height), 200)};
    const auto png = engine::encode_png(image, "");
    return std::string(png.begin(), png.end());
  };
  const auto draw = [&](const messages::Request& asked, const std::string& begin) {
    return generator->draw(asked, begin, [](const auto&) {}, {});
  };
  EXPECT_THAT(generator->describe().features, ::testing::Contains("image"));
  messages::Request asked = request(7);
  asked.strength = 0.5;
  const GenerationResult own = draw(asked, picture(usual, usual / 2));
  EXPECT_EQ(std::pair(own.picture.width, own.picture.height), std::pair(usual, usual / 2));
  EXPECT_THAT(own.notices, ::testing::IsEmpty());
  EXPECT_THAT(own.picture.bytes, HasSubstr("Denoising strength: 0.5"));
  const GenerationResult scaled = draw(asked, picture(8 * usual, 2 * usual));
  EXPECT_EQ(std::pair(scaled.picture.width, scaled.picture.height), std::pair(2 * usual, usual / 2)) << "as many pixels as usual";
  EXPECT_THAT(scaled.notices, ::testing::ElementsAre(::testing::Field(
                                  &Sentence::text, HasSubstr("because the picture has " + std::to_string(8 * usual) + "x"))));
  asked.width = asked.height = usual;
  EXPECT_EQ(draw(asked, picture(8 * usual, 2 * usual)).picture.width, usual);
  asked.width = usual + 8;
  asked.height = {};
  EXPECT_EQ(draw(asked, picture(usual, usual)).picture.height, usual);
  EXPECT_THROW(draw(asked, "no picture"), UsageError);
  asked.width = asked.height = usual;
  std::ifstream webp(P2P_SOURCE_DIR "/tests/golden/image/alpha.webp", std::ios::binary);
  EXPECT_THAT(draw(asked, {std::istreambuf_iterator<char>(webp), {}}).notices,
              ::testing::ElementsAre(::testing::Field(&Sentence::code, "transparency_dropped")));
  EXPECT_THROW(draw(asked, picture(usual, usual).substr(0, 60)), UsageError);
}

TEST(EngineGenerator, GivesSmallPreviews) {
  const auto previews = [](bool on) {
    const auto generator =
        engine_generator(engine::load_text_to_image(P2P_SOURCE_DIR "/tests/golden/stable_diffusion/sd1"),
                         {.model = "sd1", .program = "prompt2pic test", .steps = 3, .decoder_steps = {}, .previews = on});
    EXPECT_EQ(std::ranges::count(generator->describe().features, "preview"), on ? 1 : 0);
    std::vector<std::pair<int, int>> sizes;
    messages::Request asked = request(7);
    asked.width = 512;
    asked.height = 128;
    generator->draw(asked, "",
                    [&](const GenerationProgress& at) {
                      if (!at.preview) return;
                      const std::string png = at.preview();
                      const auto image =
                          engine::decode_image({reinterpret_cast<const std::uint8_t*>(png.data()), png.size()}, "the preview");
                      sizes.emplace_back(image.width, image.height);
                    },
                    {});
    return sizes;
  };
  const std::pair small(256, 64);
  EXPECT_THAT(previews(true), ::testing::ElementsAre(small, small, small)) << "pndm predicts four times in three steps";
  EXPECT_THAT(previews(false), ::testing::IsEmpty());
}

TEST(EngineGenerator, UpscaleReportsProgressOverBothPasses) {
  const auto generator = engine_generator(engine::load_text_to_image(P2P_SOURCE_DIR "/tests/golden/stable_diffusion/sd1"),
                                          {.model = "sd1", .program = "prompt2pic test", .steps = 4, .decoder_steps = {}});
  std::vector<double> fractions;
  const auto on_progress = [&](const GenerationProgress& at) { fractions.push_back(at.fraction); };
  messages::Request asked = request(7);
  asked.width = asked.height = 64;
  EXPECT_THAT(generator->draw(asked, "", on_progress, {}).offers, ::testing::ElementsAre("variation", "larger"));
  fractions.clear();
  asked.upscale = 1.5;
  const GenerationResult larger = generator->draw(asked, "", on_progress, {});
  EXPECT_EQ(larger.picture.width, 96);
  EXPECT_THAT(larger.offers, ::testing::ElementsAre("variation"));
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_LT(fractions.back(), 1);
}

}  // namespace
}  // namespace p2p::worker
