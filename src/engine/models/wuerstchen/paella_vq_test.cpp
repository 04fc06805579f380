#include "engine/models/wuerstchen/paella_vq.hpp"

#include <gtest/gtest.h>

#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine::wuerstchen {
namespace {

class PaellaVqOf : public testing::TestWithParam<const char*> {};

TEST_P(PaellaVqOf, EqualsDiffusers) {
  const golden::Tensors tensors(std::string("wuerstchen/") + GetParam() + ".safetensors");
  PaellaVq vqgan(golden::Model(GetParam()).vqgan);
  auto latents = tensors.floats("vqgan/latents");  // the pipeline's scaling is behind them
  for (float& value : latents) value /= vqgan.config().scale_factor;
  const auto expected = tensors.floats("vqgan/output");
  const Shape& shape = tensors.shape("vqgan/latents");
  EXPECT_EQ(tensors.shape("vqgan/output")[2], shape[2] * vqgan.config().upscale());
  EXPECT_TRUE(golden::near(golden::run(vqgan.decode_graph(shape[2], shape[3]), {{"latents", latents}}, {"image"}).at("image"), expected));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PaellaVqOf, testing::Values("a", "b", "c"), [](const auto& test) { return std::string(test.param); });

TEST(PaellaVq, HasThePublishedTopology) {
  const golden::Topology topology("vqgan");
  EXPECT_TRUE(topology.equals(PaellaVq(PaellaVqConfig::load(topology.config), Weights::zeros()).weights()));
}

}  // namespace
}  // namespace p2p::engine::wuerstchen
