#include "engine/sampling/scheduler_config.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/schedulers.hpp"

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxConfigBytes = 1U << 20U;

struct SchedulerClass {
  std::string_view name;
  MakeScheduler (*read)(const ConfigReader& config);
  std::vector<std::string_view> keys;  ///< beside kCommonKeys
};

constexpr std::array<std::string_view, 8> kCommonKeys{"num_train_timesteps", "beta_start",      "beta_end",         "beta_schedule",
                                                      "trained_betas",       "prediction_type", "timestep_spacing", "steps_offset"};

/// Python's None is a value of these alone.
constexpr std::array<std::string_view, 6> kNullableKeys{"trained_betas", "sigma_min", "sigma_max",
                                                        "variance_type", "solver_p",  "shift_terminal"};

/// The arguments of diffusers' classes. sigma_min and sigma_max are none of HeunDiscrete and DPMSolverMultistep, but these two look for
/// them in a configuration that another class has left.
const std::vector<SchedulerClass>& classes() {
  static const std::vector<SchedulerClass> kClasses{
      {"PNDMScheduler", read_pndm, {"skip_prk_steps", "set_alpha_to_one"}},
      {"DDIMScheduler",
       read_ddim,
       {"clip_sample", "clip_sample_range", "set_alpha_to_one", "thresholding", "dynamic_thresholding_ratio", "sample_max_value",
        "rescale_betas_zero_snr"}},
      {"EulerDiscreteScheduler",
       read_euler_discrete,
       {"interpolation_type", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "sigma_min", "sigma_max", "timestep_type",
        "rescale_betas_zero_snr", "final_sigmas_type"}},
      {"EulerAncestralDiscreteScheduler", read_euler_ancestral_discrete, {"rescale_betas_zero_snr"}},
      {"HeunDiscreteScheduler",
       read_heun_discrete,
       {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "clip_sample", "clip_sample_range", "sigma_min", "sigma_max"}},
      {"DPMSolverMultistepScheduler", read_dpm_solver_multistep, {"solver_order",
                                                                  "thresholding",
                                                                  "dynamic_thresholding_ratio",
                                                                  "sample_max_value",
                                                                  "algorithm_type",
                                                                  "solver_type",
                                                                  "lower_order_final",
                                                                  "euler_at_final",
                                                                  "use_karras_sigmas",
                                                                  "use_exponential_sigmas",
                                                                  "use_beta_sigmas",
                                                                  "use_lu_lambdas",
                                                                  "use_flow_sigmas",
                                                                  "flow_shift",
                                                                  "final_sigmas_type",
                                                                  "lambda_min_clipped",
                                                                  "variance_type",
                                                                  "rescale_betas_zero_snr",
                                                                  "sigma_min",
                                                                  "sigma_max",
                                                                  "use_dynamic_shifting",
                                                                  "time_shift_type"}},
      {"UniPCMultistepScheduler",
       read_unipc_multistep,
       {"solver_order",
        "thresholding",
        "dynamic_thresholding_ratio",
        "sample_max_value",
        "predict_x0",
        "solver_type",
        "lower_order_final",
        "disable_corrector",
        "solver_p",
        "use_karras_sigmas",
        "use_beta_sigmas",
        "use_flow_sigmas",
        "flow_shift",
        "use_exponential_sigmas",
        "final_sigmas_type",
        "sigma_min",
        "sigma_max",
        "rescale_betas_zero_snr",
        "use_dynamic_shifting",
        "time_shift_type",
        "shift_terminal"}},
      {"LCMScheduler",
       read_lcm,
       {"original_inference_steps", "clip_sample", "clip_sample_range", "set_alpha_to_one", "thresholding", "dynamic_thresholding_ratio",
        "sample_max_value", "timestep_scaling", "rescale_betas_zero_snr"}}};
  return kClasses;
}

bool knows(const SchedulerClass& scheduler, std::string_view key) {
  return std::ranges::count(kCommonKeys, key) + std::ranges::count(scheduler.keys, key) > 0;
}

const SchedulerClass* find_class(std::string_view name) {
  const auto found = std::ranges::find(classes(), name, &SchedulerClass::name);
  return found == classes().end() ? nullptr : &*found;
}

/// What a sampler is in diffusers: a class, and what from_config is given beside the configuration.
struct NamedScheduler {
  std::string_view class_name;
  Json extra = Json::object();
};

NamedScheduler scheduler_of(Sampler sampler) {
  switch (sampler) {
    case Sampler::pndm:
      return {"PNDMScheduler"};
    case Sampler::ddim:
      return {"DDIMScheduler"};
    case Sampler::euler:
      return {"EulerDiscreteScheduler"};
    case Sampler::euler_a:
      return {"EulerAncestralDiscreteScheduler"};
    case Sampler::heun:
      return {"HeunDiscreteScheduler"};
    case Sampler::dpmpp_2m:
      return {"DPMSolverMultistepScheduler"};
    case Sampler::dpmpp_2m_karras:
      return {"DPMSolverMultistepScheduler", {{"use_karras_sigmas", true}}};
    case Sampler::dpmpp_2m_sde:
      return {"DPMSolverMultistepScheduler", {{"algorithm_type", "sde-dpmsolver++"}}};
    case Sampler::unipc:
      return {"UniPCMultistepScheduler"};
    case Sampler::lcm:
      return {"LCMScheduler"};
  }
  throw UsageError("no such sampler; there are " + sampler_names());
}

/// What a class reads of a configuration.
ConfigReader part_of(const SchedulerClass& scheduler, const std::filesystem::path& file, const Json& json) {
  Json part = Json::object();
  for (const auto& [key, value] : json.items())
    if (knows(scheduler, key)) part[key] = value;
  ConfigReader config(file, std::move(part));
  for (const auto& [key, value] : config.json().items())
    if (value.is_null() && std::ranges::count(kNullableKeys, key) == 0) config.fail(key, "expected a value, found null");
  return config;
}

}  // namespace

// Python writes -Infinity, which is no JSON, for the default of lambda_min_clipped. A bound that is as good as that stands for it.
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
    for (const SchedulerClass& known : classes()) names.append(names.empty() ? "" : ", ").append(known.name);
    config.fail("_class_name", "expected one of " + names + ", found " + excerpt(loaded.class_name_));
  }
  for (const auto& [key, value] : config.json().items())
    if (!key.starts_with('_') && std::ranges::none_of(classes(), [&](const SchedulerClass& known) { return knows(known, key); }))
      config.fail(key, "expected a key of one of the supported schedulers, found " + excerpt(value));

  Json own_json = loaded.json_;
  if (outdated == Outdated::amend) {
    // What the file leaves out is amended for its own class alone: from_config does not carry defaults over.
    for (const auto& [key, value] : {std::pair<const char*, Json>("steps_offset", 1), {"clip_sample", false}}) {
      own_json[key] = value;
      if (loaded.json_.contains(key)) loaded.json_[key] = value;
    }
  }
  const ConfigReader part = part_of(*own, file, own_json);
  loaded.train_timesteps_ = static_cast<int>(part.integer("num_train_timesteps", 2, 100'000, 1000));
  loaded.own_ = own->read(part);
  // These two rewrite another's solver_type in their configuration, from which a named scheduler is then made.
  if (part.json().contains("solver_type")) {
    Json& solver = loaded.json_["solver_type"];
    if (own->read == read_dpm_solver_multistep && solver != "heun") solver = "midpoint";
    if (own->read == read_unipc_multistep && solver != "bh1") solver = "bh2";
  }
  return loaded;
}

std::unique_ptr<Scheduler> SchedulerConfig::make(int steps, std::optional<Sampler> sampler) const {
  if (steps < 1 || steps > train_timesteps_)
    throw UsageError("steps: expected from 1 to " + std::to_string(train_timesteps_) + ", with which the model was trained, found " +
                     std::to_string(steps));
  if (!sampler) return own_(steps);
  const NamedScheduler named = scheduler_of(*sampler);
  const SchedulerClass& scheduler = *find_class(named.class_name);
  Json json = json_;
  json.update(named.extra);
  return scheduler.read(part_of(scheduler, file_, json))(steps);
}

std::unique_ptr<Scheduler> SchedulerConfig::make_lcm(int steps, double strength) const {
  return engine::make_lcm(part_of(*find_class("LCMScheduler"), file_, json_), steps, strength);
}

Sampler SchedulerConfig::own_sampler() const {
  Sampler nearest{};
  std::size_t most = 0;
  for (const Sampler sampler : kAllSamplers) {
    const NamedScheduler named = scheduler_of(sampler);
    const auto has = [&](const auto& item) { return json_.value(item.key(), Json()) == item.value(); };
    const auto extra = named.extra.items();
    if (named.class_name != class_name_ || !std::all_of(extra.begin(), extra.end(), has)) continue;
    if (named.extra.size() >= most) {
      nearest = sampler;
      most = named.extra.size();
    }
  }
  return nearest;
}

}  // namespace p2p::engine
