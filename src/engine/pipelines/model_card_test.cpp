#include "engine/pipelines/model_card.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.hpp"
#include "base/testing/temp_folder.hpp"

namespace p2p::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelCardFile : public ::testing::Test {
 protected:
  ModelCard read(const std::string& text) {
    std::ofstream(folder / "prompt2pic.json") << text;
    return read_model_card(folder);
  }
  std::string problem(const std::string& text) {
    try {
      read(text);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "none";
  }

  TempFolder temporary;
  std::filesystem::path folder = temporary.path();
};

TEST_F(ModelCardFile, AbsentIsEmpty) {
  const ModelCard card = read_model_card(folder);
  EXPECT_FALSE(card.title_en);
  EXPECT_FALSE(card.steps);
  EXPECT_TRUE(card.languages.empty());
  EXPECT_FALSE(read("{}").width);
}

TEST_F(ModelCardFile, EveryKeyIsRead) {
  const ModelCard card = read(
      R"({"title": {"en": "Emoji", "ru": "Эмодзи"}, "width": 128, "height": 256, "sizes": ["128x256", "256x128"], "max_pixels": 32768, "steps": 20, "guidance": 3,
    "decoder_steps": 8, "decoder_guidance": 0.5, "languages": ["en", "ru"], "licence": "MIT"})");
  EXPECT_EQ(card.title_en, "Emoji");
  EXPECT_EQ(card.title_ru, "Эмодзи");
  EXPECT_EQ(card.width, 128);
  EXPECT_EQ(card.height, 256);
  EXPECT_THAT(card.sizes, ElementsAre(ModelCard::Size{128, 256}, ModelCard::Size{256, 128}));
  EXPECT_EQ(card.max_pixels, 32768);
  EXPECT_EQ(card.steps, 20);
  EXPECT_EQ(card.guidance, 3);
  EXPECT_EQ(card.decoder_steps, 8);
  EXPECT_EQ(card.decoder_guidance, 0.5);
  EXPECT_THAT(card.languages, ElementsAre("en", "ru"));
  EXPECT_EQ(card.licence, "MIT");
}

TEST_F(ModelCardFile, WrongCardsNameFileAndKey) {
  EXPECT_THAT(problem(R"({"stepz": 20})"), HasSubstr("stepz"));
  EXPECT_THAT(problem(R"({"stepz": 20})"), HasSubstr("title, width, height, sizes, max_pixels, steps"));
  EXPECT_THAT(problem(R"({"steps": 0})"), HasSubstr("steps"));
  EXPECT_THAT(problem(R"({"steps": 0})"), HasSubstr((folder / "prompt2pic.json").string()));
  for (const char* wrong : {R"({"width": 1e9})",
                            R"({"width": 64.5})",
                            R"({"guidance": "3"})",
                            R"({"decoder_guidance": -1})",
                            R"({"title": "Emoji"})",
                            R"({"title": {"de": "Emoji"}})",
                            R"({"title": {"en": 5}})",
                            R"({"title": {"en": ""}})",
                            R"({"languages": "en"})",
                            R"({"languages": [1]})",
                            R"({"sizes": "64x64"})",
                            R"({"sizes": ["64"]})",
                            R"({"sizes": ["64x"]})",
                            R"({"sizes": ["64x64x"]})",
                            R"({"sizes": ["8x64"]})",
                            R"({"sizes": ["64x9999999999"]})",
                            R"({"max_pixels": 0})",
                            R"({"licence": null})",
                            R"([])",
                            R"(null)",
                            R"({"steps": 1, "steps": 2})"}) {
    EXPECT_NE(problem(wrong), "none") << wrong;
  }
}

TEST(NearestSize, IsByShapeAndThenByArea) {
  const std::vector<ModelCard::Size> sizes{{512, 512}, {768, 512}, {512, 768}, {1024, 1024}};
  EXPECT_EQ(nearest_size(sizes, 700, 700), sizes[0]);
  EXPECT_EQ(nearest_size(sizes, 900, 900), sizes[3]);
  EXPECT_EQ(nearest_size(sizes, 1536, 1024), sizes[1]);
  EXPECT_EQ(nearest_size(sizes, 60, 100), sizes[2]);
  EXPECT_EQ(nearest_size(sizes, {}, 800), sizes[2]);
  EXPECT_EQ(nearest_size(sizes, 700, {}), sizes[1]);
}

TEST_F(ModelCardFile, TheBundledOneIsGood) {
  const ModelCard card = read_model_card(std::filesystem::path(P2P_SOURCE_DIR) / "models" / "emoji");
  EXPECT_EQ(card.width, 128);
  EXPECT_EQ(card.steps, 20);
  EXPECT_EQ(card.decoder_steps, 8);
}

}  // namespace
}  // namespace p2p::engine
