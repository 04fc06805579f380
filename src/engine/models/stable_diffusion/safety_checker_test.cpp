#include "engine/models/stable_diffusion/safety_checker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

fs::path folder_of(const std::string& name) { return golden::file("safety/" + name + "/safety_checker"); }

class SafetyCheckerOf : public testing::TestWithParam<const char*> {};

TEST_P(SafetyCheckerOf, EmbedsAsDiffusers) {
  const golden::Tensors tensors("safety/values.safetensors");
  const Component component(folder_of(GetParam()));
  Weights weights(component.weights);
  Graph graph("safety checker");
  build_safety_checker(SafetyCheckerConfig::load(component.config), Scope(weights, graph));
  for (const std::string number : {"0", "1", "2", "3", "sd1-1"}) {
    const std::string at = std::string(GetParam()) + "/" + number;
    const auto found = golden::run(graph, {{"pixel_values", tensors.floats(at + "/pixel_values")}}, {"image_embeds"});
    EXPECT_TRUE(golden::near(found.at("image_embeds"), tensors.floats(at + "/image_embeds"), 2e-5));
  }
}

// On both sides of the thresholds, which adjustments move; the last of a score's three digits may round the other way.
TEST_P(SafetyCheckerOf, ScoresAsDiffusers) {
  const golden::Tensors tensors("safety/values.safetensors");
  const SafetyChecker checker(folder_of(GetParam()), Precision::f32, 2);
  for (const Json& row : read_json(golden::file("safety/cases.json"))) {
    if (row.at("folder") != GetParam()) continue;
    const std::string at = std::string(GetParam()) + "/" + row.at("picture").get<std::string>();
    const SafetyScores scores = checker.check(tensors.floats(at + "/pixel_values"), row.at("adjustment"));
    EXPECT_THAT(scores.special_care, Pointwise(FloatNear(1.01e-3F), row.at("special").get<std::vector<float>>())) << row;
    EXPECT_THAT(scores.concepts, Pointwise(FloatNear(1.01e-3F), row.at("concept").get<std::vector<float>>())) << row;
    EXPECT_EQ(std::ranges::max(scores.concepts) > 0, row.at("flagged").get<bool>()) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SafetyCheckerOf, testing::Values("published", "recent"),
                         [](const auto& test) { return std::string(test.param); });

TEST(SafetyChecker, HasThePublishedTopology) {
  const golden::Topology topology("safety_checker");
  Weights weights = Weights::zeros();
  Graph graph("safety checker");
  build_safety_checker(SafetyCheckerConfig::load(topology.config), Scope(weights, graph));
  EXPECT_TRUE(topology.equals(weights));
}

std::string error_of_config(const std::string& text) {
  const golden::TempFolder folder;
  const fs::path file = folder.path() / "config.json";
  std::ofstream(file) << text;
  return golden::error_of<ModelError>([&] { SafetyCheckerConfig::load(file); });
}

TEST(SafetyChecker, RefusesWhatItHasNotInItsConfig) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"vision_config": 3})", "vision_config: expected an object, found 3"},
      {R"({"vision_config": {"hidden_act": "relu"}})", "hidden_act: expected gelu or quick_gelu, found \"relu\""},
      {R"({"vision_config": {"num_channels": 4}})", "num_channels: expected an integer from 3 to 3"},
      {R"({"vision_config": {"image_size": [224, 224]}})", "image_size: expected an integer"},
      {R"({"vision_config": {"patch_size": 300}})", "patch_size: expected at most image_size 224, found 300"},
      {R"({"vision_config_dict": {"num_attention_heads": 5}})", "num_attention_heads: expected a divisor of hidden_size 768, found 5"},
      {R"({"projection_dim": 0})", "projection_dim: expected an integer from 1"},
      {R"({"architectures": ["CLIPModel"]})", "architectures: expected StableDiffusionSafetyChecker, found \"CLIPModel\""},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(error_of_config(text), HasSubstr(message)) << text;
}

TEST(SafetyChecker, RefusesWeightsOfAnotherShape) {
  const golden::TempFolder folder;
  fs::copy(folder_of("recent"), folder.path());
  Json config = read_json(folder.path() / "config.json");
  config["projection_dim"] = 8;
  std::ofstream(folder.path() / "config.json") << config;
  const std::string error = golden::error_of<ModelError>([&] { SafetyChecker(folder.path(), Precision::f32, 1); });
  EXPECT_THAT(error, HasSubstr("concept_embeds"));
  EXPECT_THAT(error, HasSubstr("visual_projection.weight"));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
