#include "engine/pipelines/stable_diffusion/safety.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/pipelines/golden_cases.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;
using golden::error_of;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

fs::path processor_of(const std::string& name) { return golden::file("safety/" + name + "/feature_extractor/preprocessor_config.json"); }

// Pictures of all proportions, one of them enlarged; resized by Pillow, so there is nothing that may differ but the last bit.
TEST(ClipImageProcessor, EqualsTransformers) {
  const golden::Tensors tensors("safety/values.safetensors");
  for (const std::string name : {"published", "recent"}) {
    const ClipImageProcessor processor{ConfigReader(processor_of(name))};
    for (const std::string number : {"0", "1", "2", "3"}) {
      const auto found = processor.process(golden::read_png(golden::file("safety/" + number + ".png")));
      EXPECT_TRUE(golden::near(found, tensors.floats(name + "/" + number + "/pixel_values"), 1e-6)) << name << " " << number;
    }
  }
}

TEST(ClipImageProcessor, RefusesWhatItHasNotInItsConfig) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"size": {"height": 224, "width": 224}})", "shortest_edge"},
      {R"({"size": {"shortest_edge": 224, "longest_edge": 300}})", "size: only squares are supported, by a shortest edge"},
      {R"({"size": 200})", "size: expected at least crop_size 224, found 200"},
      {R"({"crop_size": {"height": 224, "width": 200}})", "crop_size: only squares are supported"},
      {R"({"resample": 2})", "resample: expected an integer from 3 to 3"},
      {R"({"do_center_crop": false})", "do_center_crop: only true is supported, found false"},
      {R"({"do_pad": true})", "do_pad: only false is supported, found true"},
      {R"({"image_mean": [0.5]})", "image_mean: expected three numbers, found [0.5]"},
      {R"({"image_std": [0.5, 0, 0.5]})", "image_std: expected three numbers"},
      {R"({"image_processor_type": "ViTImageProcessor"})",
       "image_processor_type: expected CLIPImageProcessor, found \"ViTImageProcessor\""},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(error_of<ModelError>([&] { ClipImageProcessor(ConfigReader("config.json", Json::parse(text))); }), HasSubstr(message))
        << text;
  }
}

/// A tiny Stable Diffusion with one of the checkers.
class Checked {
 public:
  explicit Checked(const std::string& checker) {
    fs::copy(golden::file("stable_diffusion/sd1"), folder_.path(), fs::copy_options::recursive);
    fs::copy(golden::file("safety/" + checker), folder_.path(), fs::copy_options::recursive);
  }

  const fs::path& path() const { return folder_.path(); }
  std::unique_ptr<TextToImage> load(std::optional<double> safety) const {
    return load_text_to_image(path(), {.precision = Precision::f32, .threads = 2, .safety = safety});
  }

 private:
  golden::TempFolder folder_;
};

// What diffusers' checker says of the picture that diffusers draws: sd1-1.png, the first of the cases.
TEST(Safety, WithholdsWhatDiffusersWithholds) {
  const GenerateParams params = golden::params_of(read_json(golden::file("stable_diffusion/cases.json")).at(0));
  for (const std::string name : {"published", "recent"}) {
    const Checked model(name);
    for (const Json& row : read_json(golden::file("safety/cases.json"))) {
      if (row.at("folder") != name || row.at("picture") != "sd1-1") continue;
      SCOPED_TRACE(row);
      const GenerateResult result = model.load(row.at("adjustment"))->generate(params);
      ASSERT_TRUE(result.safety);
      EXPECT_NEAR(result.safety->score, std::ranges::max(row.at("concept").get<std::vector<double>>()), 1e-2);  // 3 of 255 off at most
      EXPECT_EQ(result.safety->flagged, row.at("flagged").get<bool>());
      if (result.safety->flagged) {
        EXPECT_THAT(result.image.rgb, Each(0));
        EXPECT_THAT(result.notices, ElementsAre(testing::Field(&Sentence::text, HasSubstr("the safety checker withheld the picture"))));
      } else {
        EXPECT_TRUE(golden::same_picture(result.image, golden::read_png(golden::file("stable_diffusion/sd1-1.png"))));
        EXPECT_THAT(result.notices, IsEmpty());
      }
    }
  }
}

TEST(Safety, IsOffUnlessAskedFor) {
  GenerateParams params;
  params.width = params.height = 64;
  params.steps = 1;
  EXPECT_FALSE(Checked("published").load({})->generate(params).safety);
}

TEST(Safety, GivesNoPreviews) {
  const auto model = Checked("published").load(0);
  EXPECT_FALSE(model->capabilities().gives_previews);
  GenerateParams params;
  params.width = params.height = 64;
  params.steps = 3;
  model->generate(params, [](const Progress& at) { EXPECT_FALSE(at.preview) << "it might show what is withheld"; });
}

TEST(Safety, RefusesModelsWithoutAChecker) {
  const auto error = [](const char* model) {
    return error_of<ModelError>([&] { load_text_to_image(golden::file(model), {.precision = Precision::f32, .threads = 1, .safety = 0}); });
  };
  EXPECT_THAT(error("stable_diffusion/sd1"), AllOf(HasSubstr("safety = off"), HasSubstr("pull --safety-checker")));
  EXPECT_THAT(error("wuerstchen/c"), HasSubstr("safety = off"));
}

TEST(Safety, RefusesPartsThatDoNotFit) {
  const Checked model("published");
  std::ofstream(model.path() / "feature_extractor" / "preprocessor_config.json") << R"({"crop_size": 32, "size": 32})";
  EXPECT_THAT(error_of<ModelError>([&] { model.load(0); }), HasSubstr("crop_size: expected 24, the safety checker's image_size; found 32"));
  std::ofstream(model.path() / "safety_checker" / "model.safetensors") << "no weights";
  EXPECT_THAT(error_of<ModelError>([&] { model.load(0); }), HasSubstr("model.safetensors"));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
