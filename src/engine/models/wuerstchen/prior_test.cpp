#include "engine/models/wuerstchen/prior.hpp"

#include <gtest/gtest.h>

#include <array>

#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine::wuerstchen {
namespace {

class PriorOf : public testing::TestWithParam<const char*> {
 protected:
  const golden::Tensors tensors_{std::string("wuerstchen/") + GetParam() + ".safetensors"};
  const Denoiser denoiser_{std::make_shared<Prior>(golden::Model(GetParam()).prior), Precision::f32, 1};
  const LatentShape shape_{.batch = 2, .height = 3, .width = 5, .tokens = static_cast<std::int64_t>(tensors_.shape("prior/text")[1])};
};

TEST_P(PriorOf, EqualsDiffusers) {
  DenoiseSession session(denoiser_.compile(shape_), tensors_.floats("prior/text"), std::array{0.1F, tensors_.floats("prior/r")[0]}, {});
  EXPECT_TRUE(golden::near(session.predict(tensors_.floats("prior/x"), 1), tensors_.floats("prior/output")));
  EXPECT_GT(session.multiply_adds(), 0);
}

TEST_P(PriorOf, EmbedsTheTextAsDiffusers) {
  Prior prior(golden::Model(GetParam()).prior);
  const auto embedding = golden::run(*prior.text_graph(shape_), {{"text", tensors_.floats("prior/text")}}, {"embedding"}).at("embedding");
  EXPECT_TRUE(golden::near(embedding, tensors_.floats("prior/cond_mapper")));
}

TEST_P(PriorOf, IsCompiledOncePerShape) {
  const auto first = denoiser_.compile(shape_);
  EXPECT_EQ(denoiser_.compile(shape_), first);
  LatentShape single = shape_;
  single.batch = 1;
  EXPECT_NE(denoiser_.compile(single), first);

  const auto half = [&](const std::string& key) {
    auto values = tensors_.floats(key);
    values.resize(values.size() / 2);
    return values;
  };
  DenoiseSession session(denoiser_.compile(single), half("prior/text"), tensors_.floats("prior/r"), {});
  EXPECT_TRUE(golden::near(session.predict(half("prior/x"), 0), half("prior/output")));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PriorOf, testing::Values("a", "b", "c"), [](const auto& test) { return std::string(test.param); });

TEST(Prior, HasThePublishedTopology) {
  const golden::Topology topology("prior");
  EXPECT_TRUE(topology.equals(Prior(PriorConfig::load(topology.config), Weights::zeros()).weights()));
}

}  // namespace
}  // namespace p2p::engine::wuerstchen
