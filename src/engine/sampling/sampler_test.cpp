#include "engine/sampling/sampler.hpp"

#include <gtest/gtest.h>

namespace p2p::engine {
namespace {

TEST(Sampler, IsFoundByEitherName) {
  for (const std::string_view name : {"pndm", "PLMS", "plms", "PNDM"}) EXPECT_EQ(sampler_named(name), Sampler::pndm) << name;
  for (const std::string_view name : {"Euler a", "euler_a", "EULER A"}) EXPECT_EQ(sampler_named(name), Sampler::euler_a) << name;
  for (const std::string_view name : {"DPM++ 2M Karras", "dpmpp_2m_karras", "dpm++ 2m karras", "DPM++-2M-Karras"})
    EXPECT_EQ(sampler_named(name), Sampler::dpmpp_2m_karras) << name;
  EXPECT_EQ(sampler_named("DPM++ 2M"), Sampler::dpmpp_2m);
  EXPECT_EQ(sampler_named("DPM++ 2M SDE"), Sampler::dpmpp_2m_sde);
  EXPECT_EQ(sampler_named("UniPC"), Sampler::unipc);
  for (const std::string_view name : {"", "DPM++ 2M SDE Karras", "DPM2", "eule", "DDPM", "\xff"}) EXPECT_FALSE(sampler_named(name)) << name;
}

TEST(Sampler, NamesAreReadBack) {
  EXPECT_EQ(sampler_names(), "pndm, ddim, euler, euler_a, heun, dpmpp_2m, dpmpp_2m_karras, dpmpp_2m_sde, unipc, lcm");
  for (int i = 0; i <= static_cast<int>(Sampler::lcm); ++i) {
    const auto sampler = static_cast<Sampler>(i);
    EXPECT_EQ(sampler_named(name_of(sampler)), sampler);
    EXPECT_EQ(sampler_named(a1111_name_of(sampler)), sampler);
  }
}

}  // namespace
}  // namespace p2p::engine
