#pragma once

#include <optional>
#include <string_view>

#include "base/json.hpp"
#include "engine/sampling/sampler.hpp"
#include "engine/sampling/schedulers.hpp"

/// All scheduler classes, and what samplers are in their terms.
namespace p2p::engine {

/// The class of diffusers' name; null if it is not available.
const SchedulerClass* find_class(std::string_view name);

/// The sampler nearest to a class that is not available; nothing if no sampler draws what models of that class need.
std::optional<Sampler> nearest_to(std::string_view class_name);

/// The key of that name; null if the class has none.
const SchedulerKey* find_key(const SchedulerClass& scheduler, std::string_view name);

/// Whether any class has a key of that name.
bool is_scheduler_key(std::string_view name);

/// A sampler in diffusers' terms: a class, and the arguments that from_config gets besides the configuration.
struct NamedScheduler {
  const SchedulerClass& scheduler;
  Json extra = Json::object();
};
NamedScheduler scheduler_of(const Sampler& sampler);

/// The arguments with which diffusers' documentation makes AUTOMATIC1111's schedules.
Json keys_of(NoiseSchedule schedule);

}  // namespace p2p::engine
