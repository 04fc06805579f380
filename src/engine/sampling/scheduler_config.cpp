#include "engine/sampling/scheduler_config.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <span>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/scheduler_bases.hpp"
#include "engine/sampling/scheduler_classes.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxConfigBytes = 1U << 20U;

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
  loaded.file_ = config.file();
  loaded.json_ = config.json();
  loaded.class_name_ = class_name.empty() ? config.text("_class_name") : class_name;
  loaded.train_timesteps_ = static_cast<int>(config.integer("num_train_timesteps", 2, 100'000, 1000));
  for (const auto& [key, value] : config.json().items())
    if (!key.starts_with('_') && !is_scheduler_key(key)) loaded.unknown_.push_back(key);
  try {
    loaded.read_own(outdated);
  } catch (const ModelError& error) {
    loaded.own_failure_ = std::string(error.what()) + "; or choose another sampler than the model's own (--sampler), such as euler";
  }
  return loaded;
}

void SchedulerConfig::read_own(Outdated outdated) {
  const SchedulerClass* own = find_class(class_name_);
  if (!own) {
    nearest_ = nearest_to(class_name_);
    if (!nearest_)
      ConfigReader(file_, json_)
          .fail("_class_name",
                "expected a scheduler for Stable Diffusion, such as PNDMScheduler or "
                "EulerDiscreteScheduler, found " +
                    excerpt(class_name_));
    own_ = read_named(*nearest_);
    return;
  }
  Json own_json = json_;
  if (outdated == Outdated::amend) {
    // Missing keys are amended only for the file's own class: from_config does not copy defaults.
    for (const auto& [key, value] : {std::pair<const char*, Json>("steps_offset", 1), {"clip_sample", false}}) {
      own_json[key] = value;
      if (json_.contains(key)) json_[key] = value;
    }
  }
  const ConfigReader part = part_of(*own, file_, own_json);
  // Named samplers are then made from the changed configuration.
  if (own->solver_types && part.json().contains("solver_type")) {
    Json& solver = json_["solver_type"];
    if (solver != own->solver_types->other) solver = own->solver_types->usual;
  }
  own_ = own->read(part);
}

MakeScheduler SchedulerConfig::read_named(const Sampler& sampler) const {
  const NamedScheduler named = scheduler_of(sampler);
  Json json = json_;
  if (sampler.schedule != NoiseSchedule::configured)
    for (const char* key : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"}) json.erase(key);
  json.update(named.extra);
  return named.scheduler.read(part_of(named.scheduler, file_, json));
}

std::unique_ptr<Scheduler> SchedulerConfig::make(int steps, const std::optional<Sampler>& sampler) const {
  if (steps < 1 || steps > train_timesteps_)
    throw UsageError(sentence("steps_out_of_range", "steps: expected from 1 to {0}, with which the model was trained, found {1}",
                              train_timesteps_, steps));
  if (sampler) return read_named(*sampler)(steps);
  if (!own_) throw ModelError(own_failure_);
  return own_(steps);
}

std::vector<Sentence> SchedulerConfig::notices(const std::optional<Sampler>& sampler) const {
  std::vector<Sentence> notices;
  const auto replaced = [&](const std::string& wanted, const Sampler& drawn) {
    notices.push_back(sentence("sampler_replaced", "the sampler {0} is not available; {1} draws instead", wanted, a1111_name_of(drawn)));
  };
  if (sampler && !sampler->in_place_of.empty()) replaced(sampler->in_place_of, *sampler);
  if (!sampler && nearest_) replaced(class_name_, *nearest_);
  if (!unknown_.empty()) {
    std::string keys;
    for (const std::string& key : unknown_) keys.append(keys.empty() ? "" : ", ").append(excerpt(key));
    notices.push_back(sentence("scheduler_keys_unknown", "unknown keys in {0} were ignored: {1}", file_.filename().string(), keys));
  }
  return notices;
}

std::unique_ptr<Scheduler> SchedulerConfig::make_lcm(int steps, double strength) const {
  return engine::make_lcm(part_of(kLcmScheduler, file_, json_), steps, strength);
}

Sampler SchedulerConfig::own_sampler() const {
  if (nearest_) return *nearest_;
  Sampler nearest = Sampler::pndm;
  std::size_t most = 0;
  for (const Sampler& method : all_methods()) {
    for (const NoiseSchedule schedule :
         {NoiseSchedule::configured, NoiseSchedule::karras, NoiseSchedule::exponential, NoiseSchedule::beta}) {
      const NamedScheduler named = scheduler_of(method);
      if (named.scheduler.name != class_name_) continue;
      Json extra = keys_of(schedule);
      extra.erase("timestep_spacing");
      extra.update(named.extra);
      const auto has = [&](const auto& item) { return json_.value(item.key(), Json()) == item.value(); };
      const auto items = extra.items();
      if (extra.size() < most || !std::all_of(items.begin(), items.end(), has)) continue;
      nearest = Sampler(method.method, schedule);
      most = extra.size();
    }
  }
  return nearest;
}

bool SchedulerConfig::is_lcm(const std::optional<Sampler>& sampler) const {
  return sampler || nearest_ ? (sampler ? *sampler : *nearest_).method == SamplerMethod::lcm : class_name_ == kLcmScheduler.name;
}

Prediction SchedulerConfig::prediction() const { return read_prediction(ConfigReader(file_, json_)); }

}  // namespace p2p::engine
