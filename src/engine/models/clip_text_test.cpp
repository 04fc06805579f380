#include "engine/models/clip_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine {
namespace {

using golden::error_of;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kPrompts = 3;

class ClipTextOf : public testing::TestWithParam<const char*> {
 protected:
  const golden::Model model_{GetParam()};
  const golden::Tensors tensors_{std::string("wuerstchen/") + GetParam() + ".safetensors"};
};

// a and b have the exact gelu; c has quick_gelu and the tensor names of transformers before 5.
TEST_P(ClipTextOf, EqualsTransformers) {
  for (const auto& [stage, folder] : {std::pair("prior_text", model_.prior_text_encoder), std::pair("decoder_text", model_.text_encoder)}) {
    SCOPED_TRACE(stage);
    const std::string key = stage;
    const auto ids = tensors_.integers(key + "/ids");
    const auto mask = tensors_.integers(key + "/mask");
    const auto expected = tensors_.floats(key + "/output");
    const std::size_t length = tensors_.shape(key + "/ids").at(1);
    const ClipText encoder(folder, length, Precision::f32, 1);
    for (std::size_t i = 0; i < kPrompts; ++i) {
      const std::size_t size = expected.size() / kPrompts;
      EXPECT_TRUE(
          golden::near(encoder.encode(std::span(ids).subspan(i * length, length), std::span(mask).subspan(i * length, length)).states,
                       std::span(expected).subspan(i * size, size)))
          << "prompt " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ClipTextOf, testing::Values("a", "b", "c"), [](const auto& test) { return std::string(test.param); });

TEST(ClipText, RefusesIdsOutsideItsVocabulary) {
  const ClipText encoder(golden::Model("a").text_encoder, 4, Precision::f32, 1);
  const std::array<std::int64_t, 4> mask{1, 1, 1, 1};
  for (const std::int64_t id : {std::int64_t{534}, std::int64_t{-1}}) {
    const std::array<std::int64_t, 4> ids{532, id, 533, 533};
    EXPECT_THAT(error_of<Error>([&] { encoder.encode(ids, mask); }),
                AllOf(HasSubstr("id " + std::to_string(id)), HasSubstr("vocabulary of 534")));
  }
}

TEST(ClipText, RefusesPromptsLongerThanItsPositions) {
  EXPECT_THAT(error_of<ModelError>([] { ClipText(golden::Model("a").text_encoder, 21, Precision::f32, 1); }),
              AllOf(HasSubstr("max_position_embeddings: expected at least"), HasSubstr("21, found 20")));
}

TEST(ClipText, RefusesOtherEncoders) {
  const golden::TempFolder folder;
  std::ofstream(folder.path() / "config.json") << R"({"architectures": ["T5EncoderModel"]})";
  EXPECT_THAT(error_of<ModelError>([&] { ClipTextConfig::load(folder.path() / "config.json"); }),
              HasSubstr("architectures: expected CLIPTextModel or CLIPTextModelWithProjection, found \"T5EncoderModel\""));
}

class PublishedClipText : public testing::TestWithParam<const char*> {};

TEST_P(PublishedClipText, HasTheTopology) {
  const golden::Topology topology(GetParam());
  const auto config = ClipTextConfig::load(topology.config);
  const bool with_projection = std::string_view(GetParam()) == "text_encoder_2_sdxl";
  Weights weights = Weights::zeros();
  Graph graph(GetParam());
  const Scope top(weights, graph);
  const Scope root = with_projection ? top / "text_model" : top;
  build_clip_text(config, 77, root, {.penultimate = with_projection, .text_embeds = with_projection});
  // ClipText asks for these itself.
  (root / "embeddings" / "token_embedding").tensor("weight", {config.vocab_size, config.hidden_size});
  (root / "embeddings" / "position_embedding").tensor("weight", {config.max_position_embeddings, config.hidden_size});
  if (with_projection) (top / "text_projection").tensor("weight", {config.projection_dim, config.hidden_size});
  EXPECT_TRUE(topology.equals(weights));
}
INSTANTIATE_TEST_SUITE_P(Topology, PublishedClipText,
                         testing::Values("prior_text_encoder", "text_encoder", "text_encoder_sd1", "text_encoder_sd2",
                                         "text_encoder_2_sdxl"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace p2p::engine
