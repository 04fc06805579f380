#include "engine/models/wuerstchen/decoder.hpp"

#include <gtest/gtest.h>

#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine::wuerstchen {
namespace {

class DecoderOf : public testing::TestWithParam<const char*> {
 protected:
  /// What the network gives in f32 with folded weights kept in `folded`.
  std::vector<float> prediction(Precision folded) const {
    const auto decoder = std::make_shared<Decoder>(golden::Model(GetParam()).decoder, folded);
    const LatentShape shape{.batch = 2, .height = 12, .width = 8, .tokens = static_cast<std::int64_t>(tensors_.shape("decoder/text")[1])};
    const Shape& effnet = tensors_.shape("decoder/effnet");
    const auto constants = decoder->effnet_inputs(tensors_.floats("decoder/effnet"), effnet[2], effnet[3], shape);
    const Denoiser denoiser(decoder, Precision::f32, 1);
    DenoiseSession session(denoiser.compile(shape), tensors_.floats("decoder/text"), tensors_.floats("decoder/r"), constants);
    const auto values = session.predict(tensors_.floats("decoder/x"), 0);
    return {values.begin(), values.end()};
  }

  const golden::Tensors tensors_{std::string("wuerstchen/") + GetParam() + ".safetensors"};
};

// The residual blocks with the effnet mappers folded into them are part of this.
TEST_P(DecoderOf, EqualsDiffusers) { EXPECT_TRUE(golden::near(prediction(Precision::f32), tensors_.floats("decoder/output"))); }

TEST_P(DecoderOf, EmbedsTheTextAsDiffusers) {
  Decoder decoder(golden::Model(GetParam()).decoder, Precision::f32);
  const LatentShape shape{.batch = 2, .height = 12, .width = 8, .tokens = static_cast<std::int64_t>(tensors_.shape("decoder/text")[1])};
  const auto embedding =
      golden::run(*decoder.text_graph(shape), {{"text", tensors_.floats("decoder/text")}}, {"embedding"}).at("embedding");
  EXPECT_TRUE(golden::near(embedding, tensors_.floats("decoder/seq_norm")));
}

TEST_P(DecoderOf, FoldsIntoBf16) {
  const auto folded = prediction(Precision::bf16);
  EXPECT_TRUE(golden::near(folded, tensors_.floats("decoder/output"), 0.03));
  EXPECT_FALSE(golden::near(folded, tensors_.floats("decoder/output"), 1e-5)) << "weights were not rounded";
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DecoderOf, testing::Values("a", "b", "c"), [](const auto& test) { return std::string(test.param); });

TEST(Decoder, HasThePublishedTopology) {
  const golden::Topology topology("decoder");
  EXPECT_TRUE(topology.equals(Decoder(DecoderConfig::load(topology.config), Weights::zeros(), Precision::bf16).weights()));
}

}  // namespace
}  // namespace p2p::engine::wuerstchen
