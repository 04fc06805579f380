#include "app/from_picture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "base/testing/temp_folder.hpp"
#include "engine/image/image.hpp"

namespace p2p::app {
namespace {

using testing::ElementsAre;

class FromPicture : public testing::Test {
 protected:
  std::vector<std::string> take(const std::string& text, bool seed_given = false) {
    const auto bytes = engine::encode_png({.width = 1, .height = 1, .rgb = {0, 0, 0}}, text);
    const auto file = folder_.path() / "a.png";
    std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return take_from_picture(file, params_, seed_given, "own");
  }

  TempFolder folder_;
  engine::GenerateParams params_;
};

TEST_F(FromPicture, TakesWhatIsOpen) {
  EXPECT_THAT(take("a fox,\nred\nNegative prompt: cat\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 7, "
                   "Size: 512x768, Model hash: 0123456789, Clip skip: 2, Version: v1.10.1"),
              testing::IsEmpty());
  EXPECT_EQ(params_.prompt, "a fox,\nred");
  EXPECT_EQ(params_.negative_prompt, "cat");
  EXPECT_EQ(params_.steps, 20);
  EXPECT_EQ(params_.sampler, engine::Sampler(engine::SamplerMethod::dpmpp_2m, engine::NoiseSchedule::karras));
  EXPECT_EQ(params_.guidance, 5.5);
  EXPECT_EQ(params_.seed, 7u);
  EXPECT_EQ(params_.width, 512);
  EXPECT_EQ(params_.height, 768);
  EXPECT_EQ(params_.clip_skip, 2);
}

TEST_F(FromPicture, OptionsOverrideIt) {
  params_.prompt = "mine";
  params_.steps = 3;
  params_.seed = 1;
  take("a\nSteps: 20, Seed: 7, Size: 512x768", true);
  EXPECT_EQ(params_.prompt, "mine");
  EXPECT_EQ(params_.steps, 3);
  EXPECT_EQ(params_.seed, 1u);
  EXPECT_EQ(params_.width, 512);
}

TEST_F(FromPicture, SaysWhatItLeavesOut) {
  EXPECT_THAT(take("a\nSteps: many, Sampler: Unknown, Seed: 7, Denoising strength: 0.5, Model: m, Face restoration: GFPGAN"),
              ElementsAre("not taken from a.png: Steps: many, Sampler: Unknown, Face restoration: GFPGAN",
                          "a.png was drawn from another picture, which is not in it; name it with --image",
                          "a.png was drawn with the model m, this one with own; --model chooses another"));
  EXPECT_THROW(take(""), UsageError);
}

}  // namespace
}  // namespace p2p::app
