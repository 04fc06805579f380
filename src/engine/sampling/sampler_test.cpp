#include "engine/sampling/sampler.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace p2p::engine {
namespace {

TEST(Sampler, IsFoundByEitherName) {
  for (const std::string_view name : {"pndm", "PLMS", "plms", "PNDM"}) EXPECT_EQ(sampler_named(name), Sampler::pndm) << name;
  for (const std::string_view name : {"Euler a", "euler_a", "EULER A", "euler_ancestral"})
    EXPECT_EQ(sampler_named(name), Sampler::euler_a) << name;
  for (const std::string_view name : {"DPM++ 2M Karras", "dpmpp_2m_karras", "dpm++ 2m karras", "DPM++-2M-Karras", "dpmpp_2m_k"})
    EXPECT_EQ(sampler_named(name), Sampler(Sampler::dpmpp_2m, NoiseSchedule::karras)) << name;
  EXPECT_EQ(sampler_named("DPM++ 2M SDE"), Sampler::dpmpp_2m_sde);
  EXPECT_EQ(sampler_named("UniPC"), Sampler::unipc);
  for (const std::string_view name : {"", "eule", "DPM", "Karras", "DPM++ 2M Foo", "Euler Karras a", "\xff"})
    EXPECT_FALSE(sampler_named(name)) << name;
}

TEST(Sampler, ScheduleFollowsTheMethod) {
  using enum NoiseSchedule;
  struct Named {
    const char* name;
    SamplerMethod method;
    NoiseSchedule schedule;
  };
  for (const auto& [name, method, schedule] : std::vector<Named>{{"DPM++ 2M SDE Karras", Sampler::dpmpp_2m_sde, karras},
                                                                 {"DPM2 a Karras", Sampler::dpm2_a, karras},
                                                                 {"LMS Karras", Sampler::lms, karras},
                                                                 {"Heun Karras", Sampler::heun, karras},
                                                                 {"DPM++ 3M SDE Exponential", Sampler::dpmpp_3m_sde, exponential},
                                                                 {"DPM++ 2M SDE Heun Exponential", Sampler::dpmpp_2m_sde_heun, exponential},
                                                                 {"Euler SGM Uniform", Sampler::euler, trailing},
                                                                 {"Euler a Simple", Sampler::euler_a, trailing},
                                                                 {"DDIM Normal", Sampler::ddim, linspace},
                                                                 {"UniPC beta", Sampler::unipc, beta},
                                                                 {"DEIS Automatic", Sampler::deis, configured},
                                                                 {"dpmpp_2m_sgm_uniform", Sampler::dpmpp_2m, trailing}}) {
    const auto sampler = sampler_named(name);
    ASSERT_TRUE(sampler) << name;
    EXPECT_EQ(*sampler, Sampler(method, schedule)) << name;
  }
}

TEST(Sampler, TheNearestStandsInForOneThatIsNotAvailable) {
  struct Near {
    const char* name;
    Sampler sampler;
    const char* asked;
  };
  for (const auto& [name, nearest, asked] : std::vector<Near>{
           {"DPM fast", Sampler::dpmpp_2s, "DPM fast"},
           {"dpm_adaptive", Sampler::dpmpp_2s, "DPM adaptive"},
           {"DPM++ SDE Karras", {Sampler::dpmpp_2s_sde, NoiseSchedule::karras}, "DPM++ SDE Karras"},
           {"dpmpp_2s_ancestral", Sampler::dpmpp_2s, "DPM++ 2S ancestral"},
           {"DPM++ 2S a Karras", {Sampler::dpmpp_2s, NoiseSchedule::karras}, "DPM++ 2S a Karras"},
           {"Restart", Sampler::heun, "Restart"},
           {"DDIM CFG++", Sampler::ddim, "DDIM CFG++"},
           {"Euler a Karras", Sampler::euler_a, "Euler a Karras"},
           {"LCM SGM Uniform", Sampler::lcm, "LCM SGM Uniform"},
           {"Euler Polyexponential", {Sampler::euler, NoiseSchedule::exponential}, "Euler Polyexponential"},
       }) {
    const auto sampler = sampler_named(name);
    ASSERT_TRUE(sampler) << name;
    EXPECT_EQ(sampler->in_place_of, asked);
    EXPECT_EQ(name_of(*sampler), name_of(nearest)) << name;
  }
}

TEST(Sampler, NamesAreReadBack) {
  EXPECT_EQ(sampler_names(),
            "pndm, ddim, ddpm, euler, euler_a, heun, lms, dpm2, dpm2_a, dpmpp_2s, dpmpp_2s_sde, dpmpp_2m, dpmpp_2m_sde, "
            "dpmpp_2m_sde_heun, dpmpp_3m_sde, deis, unipc, lcm, tcd");
  EXPECT_EQ(noise_schedule_suffixes(), "_karras, _exponential, _beta, _sgm_uniform, _normal, _ddim_uniform");
  for (const Sampler& sampler : offered_samplers()) {
    EXPECT_EQ(sampler_named(name_of(sampler)), sampler) << name_of(sampler);
    EXPECT_EQ(sampler_named(a1111_name_of(sampler)), sampler) << name_of(sampler);
  }
}

}  // namespace
}  // namespace p2p::engine
