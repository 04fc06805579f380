#include "engine/sampling/scheduler_config.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <span>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxConfigBytes = 1U << 20U;

/// In the order used in messages.
constexpr std::array kClasses{&kPndmScheduler,           &kDdimScheduler,
                              &kEulerDiscreteScheduler,  &kEulerAncestralDiscreteScheduler,
                              &kHeunDiscreteScheduler,   &kDpmSolverMultistepScheduler,
                              &kUniPcMultistepScheduler, &kLcmScheduler};

/// Keys of all classes.
constexpr auto kCommonKeys = scheduler_keys("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", nullable("trained_betas"),
                                            "prediction_type", "timestep_spacing", "steps_offset");

/// The key of that name; null if the class has none.
const SchedulerKey* find_key(const SchedulerClass& scheduler, std::string_view name) {
  for (const std::span<const SchedulerKey> keys : {std::span<const SchedulerKey>(kCommonKeys), scheduler.keys}) {
    const auto found = std::ranges::find(keys, name, &SchedulerKey::name);
    if (found != keys.end()) return &*found;
  }
  return nullptr;
}

const SchedulerClass* find_class(std::string_view name) {
  const auto found = std::ranges::find(kClasses, name, &SchedulerClass::name);
  return found == kClasses.end() ? nullptr : *found;
}

/// A sampler in diffusers' terms: a class, and the arguments that from_config gets besides the configuration.
struct NamedScheduler {
  const SchedulerClass& scheduler;
  Json extra = Json::object();
};

NamedScheduler scheduler_of(Sampler sampler) {
  switch (sampler) {
    case Sampler::pndm:
      return {kPndmScheduler};
    case Sampler::ddim:
      return {kDdimScheduler};
    case Sampler::euler:
      return {kEulerDiscreteScheduler};
    case Sampler::euler_a:
      return {kEulerAncestralDiscreteScheduler};
    case Sampler::heun:
      return {kHeunDiscreteScheduler};
    case Sampler::dpmpp_2m:
      return {kDpmSolverMultistepScheduler};
    case Sampler::dpmpp_2m_karras:
      return {kDpmSolverMultistepScheduler, {{"use_karras_sigmas", true}}};
    case Sampler::dpmpp_2m_sde:
      return {kDpmSolverMultistepScheduler, {{"algorithm_type", "sde-dpmsolver++"}}};
    case Sampler::unipc:
      return {kUniPcMultistepScheduler};
    case Sampler::lcm:
      return {kLcmScheduler};
  }
  throw UsageError("no such sampler; there are " + sampler_names());
}

/// The keys of a configuration that belong to a class. Throws ModelError for a null that the key does not allow.
ConfigReader part_of(const SchedulerClass& scheduler, const std::filesystem::path& file, const Json& json) {
  Json part = Json::object();
  for (const auto& [name, value] : json.items())
    if (find_key(scheduler, name)) part[name] = value;
  ConfigReader config(file, std::move(part));
  for (const auto& [name, value] : config.json().items())
    if (value.is_null() && !find_key(scheduler, name)->takes_null) config.fail(name, "expected a value, found null");
  return config;
}

}  // namespace

// Python writes the default of lambda_min_clipped as -Infinity, which is not JSON. It is replaced by an equivalent bound.
ConfigReader read_scheduler_config(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxConfigBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) throw ModelError(file.string() + ": cannot be read");
  if (text.size() > kMaxConfigBytes) throw ModelError(file.string() + ": expected at most 1 MiB, found more");
  constexpr std::string_view key = "\"lambda_min_clipped\"";
  constexpr std::string_view infinity = "-Infinity";
  if (const std::size_t at = text.find(key); at != std::string::npos) {
    const std::size_t value = text.find_first_not_of(": \t\r\n", at + key.size());
    if (value != std::string::npos && text.compare(value, infinity.size(), infinity) == 0) text.replace(value, infinity.size(), "-1e308");
  }
  try {
    return {file, parse_json(text, file.string())};
  } catch (const Error& error) {
    throw ModelError(error.what());
  }
}

SchedulerConfig SchedulerConfig::load(const std::filesystem::path& file, std::string_view class_name, Outdated outdated) {
  return load(read_scheduler_config(file), class_name, outdated);
}

SchedulerConfig SchedulerConfig::load(const ConfigReader& config, std::string_view class_name, Outdated outdated) {
  SchedulerConfig loaded;
  const std::filesystem::path& file = loaded.file_ = config.file();
  loaded.json_ = config.json();
  loaded.class_name_ = class_name.empty() ? config.text("_class_name") : class_name;
  const SchedulerClass* const own = find_class(loaded.class_name_);
  if (!own) {
    std::string names;
    for (const SchedulerClass* supported : kClasses) names.append(names.empty() ? "" : ", ").append(supported->name);
    config.fail("_class_name", "expected one of " + names + ", found " + excerpt(loaded.class_name_));
  }
  for (const auto& [key, value] : config.json().items())
    if (!key.starts_with('_') && std::ranges::none_of(kClasses, [&](const SchedulerClass* supported) { return find_key(*supported, key); }))
      config.fail(key, "expected a key of one of the supported schedulers, found " + excerpt(value));

  Json own_json = loaded.json_;
  if (outdated == Outdated::amend) {
    // Missing keys are amended only for the file's own class: from_config does not copy defaults.
    for (const auto& [key, value] : {std::pair<const char*, Json>("steps_offset", 1), {"clip_sample", false}}) {
      own_json[key] = value;
      if (loaded.json_.contains(key)) loaded.json_[key] = value;
    }
  }
  const ConfigReader part = part_of(*own, file, own_json);
  loaded.train_timesteps_ = static_cast<int>(part.integer("num_train_timesteps", 2, 100'000, 1000));
  loaded.own_ = own->read(part);
  // Named samplers are then made from the changed configuration.
  if (own->solver_types && part.json().contains("solver_type")) {
    Json& solver = loaded.json_["solver_type"];
    if (solver != own->solver_types->other) solver = own->solver_types->usual;
  }
  return loaded;
}

std::unique_ptr<Scheduler> SchedulerConfig::make(int steps, std::optional<Sampler> sampler) const {
  if (steps < 1 || steps > train_timesteps_)
    throw UsageError(sentence("steps_out_of_range", "steps: expected from 1 to {0}, with which the model was trained, found {1}",
                              train_timesteps_, steps));
  if (!sampler) return own_(steps);
  const NamedScheduler named = scheduler_of(*sampler);
  Json json = json_;
  json.update(named.extra);
  return named.scheduler.read(part_of(named.scheduler, file_, json))(steps);
}

std::unique_ptr<Scheduler> SchedulerConfig::make_lcm(int steps, double strength) const {
  return engine::make_lcm(part_of(kLcmScheduler, file_, json_), steps, strength);
}

Sampler SchedulerConfig::own_sampler() const {
  Sampler nearest{};
  std::size_t most = 0;
  for (const Sampler sampler : kAllSamplers) {
    const NamedScheduler named = scheduler_of(sampler);
    const auto has = [&](const auto& item) { return json_.value(item.key(), Json()) == item.value(); };
    const auto extra = named.extra.items();
    if (named.scheduler.name != class_name_ || !std::all_of(extra.begin(), extra.end(), has)) continue;
    if (named.extra.size() >= most) {
      nearest = sampler;
      most = named.extra.size();
    }
  }
  return nearest;
}

Prediction SchedulerConfig::prediction() const { return read_prediction(ConfigReader(file_, json_)); }

}  // namespace p2p::engine
