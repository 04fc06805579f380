#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/scheduler.hpp"

/// diffusers' scheduler classes, one file for each.
namespace p2p::engine {

/// A key of a scheduler's configuration.
struct SchedulerKey {
  constexpr SchedulerKey(const char* key, bool may_be_null = false) : name(key), takes_null(may_be_null) {}

  std::string_view name;
  bool takes_null;  ///< whether Python's None is one of its values
};
constexpr SchedulerKey nullable(const char* key) { return {key, true}; }

template <typename... Keys>
constexpr auto scheduler_keys(Keys... keys) {
  return std::array<SchedulerKey, sizeof...(Keys)>{keys...};
}

struct SchedulerClass {
  std::string_view name;  ///< diffusers' name
  /// Reads a configuration that holds only keys of this class. A missing key has the class's default. Throws ModelError for a value that
  /// is wrong or not supported.
  MakeScheduler (*read)(const ConfigReader& config) = nullptr;
  std::span<const SchedulerKey> keys;  ///< without those that all classes have

  /// Multistep solvers accept each other's solver_type: the constructor replaces each value but `other` by `usual` in the configuration.
  struct SolverTypes {
    std::string_view other;
    std::string_view usual;
  };
  std::optional<SolverTypes> solver_types = std::nullopt;
};

extern const SchedulerClass kDdimScheduler;
extern const SchedulerClass kDdpmScheduler;
extern const SchedulerClass kDeisMultistepScheduler;
extern const SchedulerClass kDpmSolverMultistepScheduler;
extern const SchedulerClass kDpmSolverSinglestepScheduler;
extern const SchedulerClass kEulerAncestralDiscreteScheduler;
extern const SchedulerClass kEulerDiscreteScheduler;
extern const SchedulerClass kHeunDiscreteScheduler;
extern const SchedulerClass kKDpm2AncestralDiscreteScheduler;
extern const SchedulerClass kKDpm2DiscreteScheduler;
extern const SchedulerClass kLcmScheduler;
extern const SchedulerClass kLmsDiscreteScheduler;
extern const SchedulerClass kPndmScheduler;
extern const SchedulerClass kTcdScheduler;
extern const SchedulerClass kUniPcMultistepScheduler;

/// kLcmScheduler for LatentConsistencyModelImg2ImgPipeline: all `steps` lie in the first `strength`, 0 to 1, of the training's.
std::unique_ptr<Scheduler> make_lcm(const ConfigReader& config, int steps, double strength);

}  // namespace p2p::engine
