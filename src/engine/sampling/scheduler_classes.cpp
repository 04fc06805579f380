#include "engine/sampling/scheduler_classes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace p2p::engine {
namespace {

constexpr std::array kClasses{&kPndmScheduler,
                              &kDdimScheduler,
                              &kDdpmScheduler,
                              &kEulerDiscreteScheduler,
                              &kEulerAncestralDiscreteScheduler,
                              &kHeunDiscreteScheduler,
                              &kLmsDiscreteScheduler,
                              &kKDpm2DiscreteScheduler,
                              &kKDpm2AncestralDiscreteScheduler,
                              &kDpmSolverSinglestepScheduler,
                              &kDpmSolverMultistepScheduler,
                              &kDeisMultistepScheduler,
                              &kUniPcMultistepScheduler,
                              &kLcmScheduler,
                              &kTcdScheduler};

/// Classes of diffusers that are not available, and the sampler that is the nearest to each.
constexpr std::array<std::pair<std::string_view, SamplerMethod>, 16> kNearest{{
    {"CMStochasticIterativeScheduler", SamplerMethod::lcm},
    {"CosineDPMSolverMultistepScheduler", SamplerMethod::dpmpp_2m_sde},
    {"DDIMInverseScheduler", SamplerMethod::ddim},
    {"DDIMParallelScheduler", SamplerMethod::ddim},
    {"DDPMParallelScheduler", SamplerMethod::ddpm},
    {"DPMSolverMultistepInverseScheduler", SamplerMethod::dpmpp_2m},
    {"DPMSolverSDEScheduler", SamplerMethod::dpmpp_2s_sde},
    {"EDMDPMSolverMultistepScheduler", SamplerMethod::dpmpp_2m},
    {"EDMEulerScheduler", SamplerMethod::euler},
    {"IPNDMScheduler", SamplerMethod::lms},
    {"KarrasVeScheduler", SamplerMethod::heun},
    {"RePaintScheduler", SamplerMethod::ddpm},
    {"SASolverScheduler", SamplerMethod::dpmpp_2m_sde},
    {"ScoreSdeVeScheduler", SamplerMethod::euler_a},
    {"ScoreSdeVpScheduler", SamplerMethod::euler_a},
    {"UnCLIPScheduler", SamplerMethod::ddpm},
}};

/// Keys of all classes.
constexpr auto kCommonKeys = scheduler_keys("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", nullable("trained_betas"),
                                            "prediction_type", "timestep_spacing", "steps_offset");

NamedScheduler scheduler_of(SamplerMethod method) {
  switch (method) {
    case SamplerMethod::pndm:
      return {kPndmScheduler};
    case SamplerMethod::ddim:
      return {kDdimScheduler};
    case SamplerMethod::ddpm:
      return {kDdpmScheduler};
    case SamplerMethod::euler:
      return {kEulerDiscreteScheduler};
    case SamplerMethod::euler_a:
      return {kEulerAncestralDiscreteScheduler};
    case SamplerMethod::heun:
      return {kHeunDiscreteScheduler};
    case SamplerMethod::lms:
      return {kLmsDiscreteScheduler};
    case SamplerMethod::dpm2:
      return {kKDpm2DiscreteScheduler};
    case SamplerMethod::dpm2_a:
      return {kKDpm2AncestralDiscreteScheduler};
    case SamplerMethod::dpmpp_2s:
      return {kDpmSolverSinglestepScheduler};
    case SamplerMethod::dpmpp_2s_sde:
      return {kDpmSolverSinglestepScheduler, {{"algorithm_type", "sde-dpmsolver++"}}};
    case SamplerMethod::dpmpp_2m:
      return {kDpmSolverMultistepScheduler};
    case SamplerMethod::dpmpp_2m_sde:
      return {kDpmSolverMultistepScheduler, {{"algorithm_type", "sde-dpmsolver++"}}};
    case SamplerMethod::dpmpp_2m_sde_heun:
      return {kDpmSolverMultistepScheduler, {{"algorithm_type", "sde-dpmsolver++"}, {"solver_type", "heun"}}};
    case SamplerMethod::dpmpp_3m_sde:
      return {kDpmSolverMultistepScheduler, {{"algorithm_type", "sde-dpmsolver++"}, {"solver_order", 3}}};
    case SamplerMethod::deis:
      return {kDeisMultistepScheduler};
    case SamplerMethod::unipc:
      return {kUniPcMultistepScheduler};
    case SamplerMethod::lcm:
      return {kLcmScheduler};
    case SamplerMethod::tcd:
      return {kTcdScheduler};
  }
  throw UsageError("no such sampler; there are " + sampler_names());
}

}  // namespace

const SchedulerKey* find_key(const SchedulerClass& scheduler, std::string_view name) {
  for (const std::span<const SchedulerKey> keys : {std::span<const SchedulerKey>(kCommonKeys), scheduler.keys}) {
    const auto found = std::ranges::find(keys, name, &SchedulerKey::name);
    if (found != keys.end()) return &*found;
  }
  return nullptr;
}

bool is_scheduler_key(std::string_view name) {
  return std::ranges::any_of(kClasses, [&](const SchedulerClass* known) { return find_key(*known, name); });
}

const SchedulerClass* find_class(std::string_view name) {
  const auto found = std::ranges::find(kClasses, name, &SchedulerClass::name);
  return found == kClasses.end() ? nullptr : *found;
}

std::optional<Sampler> nearest_to(std::string_view class_name) {
  const auto* const near = std::ranges::find(kNearest, class_name, &decltype(kNearest)::value_type::first);
  if (near == kNearest.end()) return {};
  return near->second;
}

Json keys_of(NoiseSchedule schedule) {
  switch (schedule) {
    case NoiseSchedule::configured:
      return Json::object();
    case NoiseSchedule::karras:
      return {{"use_karras_sigmas", true}};
    case NoiseSchedule::exponential:
      return {{"use_exponential_sigmas", true}, {"timestep_spacing", "linspace"}};
    case NoiseSchedule::beta:
      return {{"use_beta_sigmas", true}, {"timestep_spacing", "linspace"}};
    case NoiseSchedule::trailing:
      return {{"timestep_spacing", "trailing"}};
    case NoiseSchedule::linspace:
      return {{"timestep_spacing", "linspace"}};
    case NoiseSchedule::leading:
      return {{"timestep_spacing", "leading"}};
  }
  return Json::object();
}

NamedScheduler scheduler_of(const Sampler& sampler) {
  NamedScheduler named = scheduler_of(sampler.method);
  named.extra.update(keys_of(sampler.schedule));
  return named;
}

}  // namespace p2p::engine
