#include "engine/sampling/scheduler_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class SchedulerConfigFile : public testing::Test {
 protected:
  SchedulerConfig load(const std::string& text, std::string_view class_name = {}) const {
    std::ofstream(file_) << text;
    return SchedulerConfig::load(file_, class_name);
  }
  std::string refusal(const std::string& text) const {
    return golden::error_of<ModelError>([&] { load(text).make(5); });
  }

  golden::TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "scheduler_config.json";
};

std::vector<float> timesteps(const SchedulerConfig& config, int steps, std::optional<Sampler> sampler = {}) {
  const auto scheduler = config.make(steps, sampler);
  return {scheduler->timesteps().begin(), scheduler->timesteps().end()};
}

TEST_F(SchedulerConfigFile, TakesTheClassOfTheModelIndexBeforeItsOwn) {
  const std::string text = R"({"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "skip_prk_steps": true})";
  EXPECT_EQ(load(text).class_name(), "PNDMScheduler");
  EXPECT_EQ(timesteps(load(text), 4), (std::vector<float>{750, 500, 500, 250, 0}));
  EXPECT_EQ(load(text, "DDIMScheduler").class_name(), "DDIMScheduler");
  EXPECT_EQ(timesteps(load(text, "DDIMScheduler"), 4), (std::vector<float>{750, 500, 250, 0}));
}

// Python's json writes it so for the default.
TEST_F(SchedulerConfigFile, HoldsPythonsInfinity) {
  const std::string before = R"({"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": )";
  EXPECT_EQ(timesteps(load(before + "-Infinity, \"timestep_spacing\": \"trailing\"}"), 2), (std::vector<float>{999, 499}));
  EXPECT_THAT(refusal(before + "Infinity}"), HasSubstr("not valid JSON"));
}

TEST_F(SchedulerConfigFile, OfAnotherClassDrawsWithANamedSamplerOnly) {
  for (const std::string name : {"FlowMatchEulerDiscreteScheduler", "VQDiffusionScheduler", "MyScheduler"}) {
    const std::string text = R"({"_class_name": ")" + name + "\"}";
    EXPECT_THAT(refusal(text), AllOf(StartsWith(file_.string() + ": _class_name: "), HasSubstr(name), HasSubstr("--sampler")));
    EXPECT_EQ(timesteps(load(text), 2, Sampler::ddim), (std::vector<float>{500, 0}));
  }
  EXPECT_THAT(refusal("{}"), HasSubstr("_class_name: expected a string, found no such key"));
  EXPECT_THAT(refusal("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(golden::error_of<ModelError>([] { SchedulerConfig::load("/nonexistent/scheduler_config.json"); }), HasSubstr("/nonexistent"));
}

TEST_F(SchedulerConfigFile, TheNearestDrawsForAClassThatIsNotAvailable) {
  struct Near {
    const char* class_name;
    Sampler sampler;
  };
  for (const auto& [name, nearest] : std::vector<Near>{{"EDMDPMSolverMultistepScheduler", Sampler::dpmpp_2m},
                                                       {"SASolverScheduler", Sampler::dpmpp_2m_sde},
                                                       {"DPMSolverSDEScheduler", Sampler::dpmpp_2s_sde},
                                                       {"ScoreSdeVeScheduler", Sampler::euler_a}}) {
    const SchedulerConfig config = load(std::string(R"({"_class_name": ")") + name + R"(", "use_karras_sigmas": true})");
    EXPECT_EQ(timesteps(config, 5), timesteps(config, 5, nearest));
    EXPECT_EQ(config.own_sampler(), nearest);
    EXPECT_THAT(config.notices({}), ElementsAre(Sentence("the sampler " + std::string(name) + " is not available; " +
                                                         a1111_name_of(nearest) + " draws instead")));
    EXPECT_THAT(config.notices(Sampler::euler), IsEmpty());
  }
}

TEST_F(SchedulerConfigFile, UnknownKeysAreANotice) {
  const SchedulerConfig config = load(R"({"_class_name": "PNDMScheduler", "_private": 1, "s_churn": 0.5, "foo": null})");
  EXPECT_EQ(timesteps(config, 4).size(), 13U);
  EXPECT_THAT(config.notices({}), ElementsAre(Sentence("unknown keys in scheduler_config.json were ignored: \"foo\", \"s_churn\"")));
  EXPECT_THAT(config.notices(sampler_named("Restart")), SizeIs(2));
}

TEST_F(SchedulerConfigFile, ANamedSamplerOverridesWhatTheModelsOwnCannotDo) {
  const SchedulerConfig config =
      load(R"({"_class_name": "DPMSolverMultistepScheduler", "use_lu_lambdas": true, "use_karras_sigmas": true})");
  EXPECT_EQ(timesteps(config, 4, Sampler::ddim), (std::vector<float>{750, 500, 250, 0}));
  EXPECT_EQ(timesteps(config, 2, Sampler(Sampler::euler, NoiseSchedule::trailing)), (std::vector<float>{999, 499}));
}

TEST_F(SchedulerConfigFile, KnowsItsOwnSampler) {
  const auto own = [&](const std::string& text) { return name_of(load("{\"_class_name\": " + text + "}").own_sampler()); };
  EXPECT_EQ(own(R"("DPMSolverMultistepScheduler", "use_karras_sigmas": true, "algorithm_type": "sde-dpmsolver++")"), "dpmpp_2m_sde_karras");
  EXPECT_EQ(own(R"("DPMSolverMultistepScheduler", "solver_order": 3, "algorithm_type": "sde-dpmsolver++")"), "dpmpp_3m_sde");
  EXPECT_EQ(own(R"("LMSDiscreteScheduler")"), "lms");
  EXPECT_EQ(own(R"("HeunDiscreteScheduler", "use_beta_sigmas": true)"), "heun_beta");
}

TEST_F(SchedulerConfigFile, WhatIsNotSupportedIsRefusedByKey) {
  struct Refused {
    const char* class_name;
    const char* key;
    const char* value;
  };
  for (const auto& [class_name, key, value] : std::vector<Refused>{
           {"PNDM", "prediction_type", "\"sample\""},
           {"PNDM", "beta_schedule", "\"exp\""},
           {"PNDM", "num_train_timesteps", "1"},
           {"PNDM", "num_train_timesteps", "1000000000"},
           {"PNDM", "num_train_timesteps", "1000.0"},
           {"PNDM", "skip_prk_steps", "null"},
           {"PNDM", "skip_prk_steps", "1"},
           {"PNDM", "beta_start", "-1"},
           {"PNDM", "beta_end", "1"},
           {"PNDM", "steps_offset", "-1"},
           {"PNDM", "trained_betas", "[0.1, 0.2]"},
           {"PNDM", "trained_betas", "\"0.1\""},
           {"DDIM", "thresholding", "true"},
           {"DDIM", "timestep_spacing", "\"karras\""},
           {"DDIM", "clip_sample_range", "0"},
           {"EulerDiscrete", "interpolation_type", "\"cubic\""},
           {"EulerDiscrete", "timestep_type", "\"sigma\""},
           {"EulerDiscrete", "final_sigmas_type", "\"one\""},
           {"EulerDiscrete", "sigma_min", "0"},
           {"EulerDiscrete", "beta_end", "0.99"},
           {"EulerAncestralDiscrete", "prediction_type", "\"sample\""},
           {"DPMSolverMultistep", "algorithm_type", "\"dpmsolver+++\""},
           {"DPMSolverMultistep", "solver_type", "\"rk4\""},
           {"DPMSolverMultistep", "solver_order", "4"},
           {"DPMSolverMultistep", "use_lu_lambdas", "true"},
           {"DPMSolverMultistep", "use_flow_sigmas", "true"},
           {"DPMSolverMultistep", "use_dynamic_shifting", "true"},
           {"DPMSolverMultistep", "variance_type", "\"learned_range\""},
           {"DPMSolverMultistep", "lambda_min_clipped", "50"},
           {"DPMSolverMultistep", "prediction_type", "\"flow_prediction\""},
           {"UniPCMultistep", "solver_p", "{}"},
           {"UniPCMultistep", "shift_terminal", "0.1"},
           {"UniPCMultistep", "disable_corrector", "[0.5]"},
           {"UniPCMultistep", "solver_order", "0"},
           {"DPMSolverSinglestep", "algorithm_type", "\"sde-dpmsolver\""},
           {"DPMSolverSinglestep", "solver_order", "4"},
           {"DPMSolverSinglestep", "use_flow_sigmas", "true"},
           {"DEISMultistep", "algorithm_type", "\"sde-dpmsolver++\""},
           {"DEISMultistep", "solver_type", "\"rk4\""},
           {"DEISMultistep", "thresholding", "true"},
           {"KDPM2Discrete", "prediction_type", "\"sample\""},
           {"KDPM2AncestralDiscrete", "beta_schedule", "\"sigmoid\""},
           {"LMSDiscrete", "sigma_max", "0"},
           {"DDPM", "variance_type", "\"learned_range\""},
           {"DDPM", "thresholding", "true"},
           {"TCD", "original_inference_steps", "0"},
           {"LCM", "original_inference_steps", "1001"},
           {"LCM", "timestep_scaling", "0"},
       })
    EXPECT_THAT(refusal(std::string(R"({"_class_name": ")") + class_name + R"(Scheduler", ")" + key + "\": " + value + "}"),
                AllOf(StartsWith(file_.string() + ": " + key), HasSubstr("expected"), HasSubstr("found")))
        << class_name << " " << key << " " << value;
  EXPECT_THAT(refusal(R"({"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver"})"),
              HasSubstr("final_sigmas_type: expected sigma_min"));
  EXPECT_THAT(refusal(R"({"_class_name": "HeunDiscreteScheduler", "use_karras_sigmas": true, "use_exponential_sigmas": true})"),
              HasSubstr("use_exponential_sigmas: expected false"));
  EXPECT_THAT(refusal(R"({"_class_name": "LMSDiscreteScheduler", "use_beta_sigmas": true, "use_exponential_sigmas": true})"),
              HasSubstr("use_beta_sigmas: expected false, for use_exponential_sigmas is true"));
}

TEST_F(SchedulerConfigFile, KeysOfOtherClassesWaitForASampler) {
  const SchedulerConfig config = load(R"({"_class_name": "PNDMScheduler", "skip_prk_steps": true, "thresholding": true})");
  EXPECT_EQ(timesteps(config, 1), (std::vector<float>{0}));
  EXPECT_EQ(timesteps(config, 1, Sampler::heun), (std::vector<float>{0}));
  for (const Sampler sampler : {Sampler::ddim, Sampler::dpmpp_2m_sde, Sampler::unipc, Sampler::lcm})
    EXPECT_THAT(golden::error_of<ModelError>([&] { config.make(1, sampler); }), HasSubstr("thresholding: expected false"));
}

TEST_F(SchedulerConfigFile, StepsBeyondTheTrainingAreRefused) {
  const SchedulerConfig config = load(R"({"_class_name": "DDIMScheduler", "num_train_timesteps": 40, "steps_offset": 1})");
  const auto refusal = [&](int steps, std::optional<Sampler> sampler = {}) {
    return golden::error_of<UsageError>([&] { config.make(steps, sampler); });
  };
  EXPECT_EQ(timesteps(config, 2), (std::vector<float>{21, 1}));
  EXPECT_EQ(refusal(0), "steps: expected from 1 to 40, with which the model was trained, found 0");
  EXPECT_THAT(refusal(41, Sampler::euler), HasSubstr("from 1 to 40"));
  EXPECT_THAT(refusal(40), HasSubstr("timestep 40"));
  EXPECT_THAT(refusal(3, Sampler::pndm), HasSubstr("at least 4 steps"));
  const SchedulerConfig lcm = load(R"({"_class_name": "LCMScheduler"})");
  EXPECT_THAT(golden::error_of<UsageError>([&] { lcm.make(51); }), HasSubstr("50 steps"));
}

}  // namespace
}  // namespace p2p::engine
