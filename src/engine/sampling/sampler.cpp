#include "engine/sampling/sampler.hpp"

#include <algorithm>
#include <array>

namespace p2p::engine {
namespace {

/// Which noise schedules a method takes.
enum class Takes : std::uint8_t {
  all,
  spacings,  ///< of timesteps: no levels apart from timesteps
  levels,    ///< karras, exponential, beta and linspace
  none,
};

struct MethodNames {
  SamplerMethod method;
  std::string_view ours;
  std::string_view a1111;
  Takes takes = Takes::all;
};

/// In the order of SamplerMethod.
constexpr std::array kMethods{
    MethodNames{SamplerMethod::pndm, "pndm", "PLMS", Takes::spacings},
    MethodNames{SamplerMethod::ddim, "ddim", "DDIM", Takes::spacings},
    MethodNames{SamplerMethod::ddpm, "ddpm", "DDPM", Takes::spacings},
    MethodNames{SamplerMethod::euler, "euler", "Euler"},
    MethodNames{SamplerMethod::euler_a, "euler_a", "Euler a", Takes::spacings},
    MethodNames{SamplerMethod::heun, "heun", "Heun"},
    MethodNames{SamplerMethod::lms, "lms", "LMS"},
    MethodNames{SamplerMethod::dpm2, "dpm2", "DPM2"},
    MethodNames{SamplerMethod::dpm2_a, "dpm2_a", "DPM2 a"},
    MethodNames{SamplerMethod::dpmpp_2s, "dpmpp_2s", "DPM++ 2S", Takes::levels},
    MethodNames{SamplerMethod::dpmpp_2s_sde, "dpmpp_2s_sde", "DPM++ 2S SDE", Takes::levels},
    MethodNames{SamplerMethod::dpmpp_2m, "dpmpp_2m", "DPM++ 2M"},
    MethodNames{SamplerMethod::dpmpp_2m_sde, "dpmpp_2m_sde", "DPM++ 2M SDE"},
    MethodNames{SamplerMethod::dpmpp_2m_sde_heun, "dpmpp_2m_sde_heun", "DPM++ 2M SDE Heun"},
    MethodNames{SamplerMethod::dpmpp_3m_sde, "dpmpp_3m_sde", "DPM++ 3M SDE"},
    MethodNames{SamplerMethod::deis, "deis", "DEIS"},
    MethodNames{SamplerMethod::unipc, "unipc", "UniPC"},
    MethodNames{SamplerMethod::lcm, "lcm", "LCM", Takes::none},
    MethodNames{SamplerMethod::tcd, "tcd", "TCD", Takes::none},
};

/// Further names: of ComfyUI and others for the same, and of samplers that are not available, to which the method is the nearest.
struct OtherName {
  std::string_view name;
  SamplerMethod method;
  bool same = false;
};

constexpr bool kSame = true;
constexpr std::array kOtherNames{
    OtherName{"Euler ancestral", SamplerMethod::euler_a, kSame},
    OtherName{"DPM 2 ancestral", SamplerMethod::dpm2_a, kSame},
    OtherName{"KDPM2", SamplerMethod::dpm2, kSame},
    OtherName{"KDPM2 a", SamplerMethod::dpm2_a, kSame},
    OtherName{"UniPC bh2", SamplerMethod::unipc, kSame},
    OtherName{"DPM++ 2M SDE GPU", SamplerMethod::dpmpp_2m_sde, kSame},
    OtherName{"DPM++ 2M SDE Heun GPU", SamplerMethod::dpmpp_2m_sde_heun, kSame},
    OtherName{"DPM++ 3M SDE GPU", SamplerMethod::dpmpp_3m_sde, kSame},
    OtherName{"DPM++ SDE", SamplerMethod::dpmpp_2s_sde},
    OtherName{"DPM++ SDE GPU", SamplerMethod::dpmpp_2s_sde},
    OtherName{"DPM++ 2S a", SamplerMethod::dpmpp_2s},
    OtherName{"DPM++ 2S ancestral", SamplerMethod::dpmpp_2s},
    OtherName{"DPM++ 2S ancestral CFG++", SamplerMethod::dpmpp_2s},
    OtherName{"DPM++ 2M CFG++", SamplerMethod::dpmpp_2m},
    OtherName{"DPM++ 2M SDE CFG++", SamplerMethod::dpmpp_2m_sde},
    OtherName{"DPM++ 3M", SamplerMethod::dpmpp_2m},
    OtherName{"DPM fast", SamplerMethod::dpmpp_2s},
    OtherName{"DPM adaptive", SamplerMethod::dpmpp_2s},
    OtherName{"Restart", SamplerMethod::heun},
    OtherName{"HeunPP2", SamplerMethod::heun},
    OtherName{"DDIM CFG++", SamplerMethod::ddim},
    OtherName{"Euler CFG++", SamplerMethod::euler},
    OtherName{"Euler a CFG++", SamplerMethod::euler_a},
    OtherName{"Euler ancestral CFG++", SamplerMethod::euler_a},
    OtherName{"Euler Dy", SamplerMethod::euler},
    OtherName{"Euler SMEA", SamplerMethod::euler},
    OtherName{"Euler SMEA Dy", SamplerMethod::euler},
    OtherName{"Kohaku LoNyu Yog", SamplerMethod::euler_a},
    OtherName{"IPNDM", SamplerMethod::lms},
    OtherName{"IPNDM V", SamplerMethod::lms},
    OtherName{"UniPC bh1", SamplerMethod::unipc},
    OtherName{"Res multistep", SamplerMethod::dpmpp_2m},
    OtherName{"Res multistep ancestral", SamplerMethod::dpmpp_2m_sde},
    OtherName{"Gradient estimation", SamplerMethod::euler},
    OtherName{"ER SDE", SamplerMethod::dpmpp_3m_sde},
    OtherName{"SEEDS 2", SamplerMethod::dpmpp_2s_sde},
    OtherName{"SEEDS 3", SamplerMethod::dpmpp_2s_sde},
    OtherName{"SA Solver", SamplerMethod::dpmpp_2m_sde},
    OtherName{"EDM DPM", SamplerMethod::dpmpp_2m},
};

struct ScheduleNames {
  NoiseSchedule schedule;
  std::string_view ours;
  std::string_view a1111;
  bool same = true;
};

/// The first name of a schedule is the one that is shown.
constexpr std::array kSchedules{
    ScheduleNames{NoiseSchedule::configured, "", ""},
    ScheduleNames{NoiseSchedule::karras, "karras", "Karras"},
    ScheduleNames{NoiseSchedule::exponential, "exponential", "Exponential"},
    ScheduleNames{NoiseSchedule::beta, "beta", "Beta"},
    ScheduleNames{NoiseSchedule::trailing, "sgm_uniform", "SGM Uniform"},
    ScheduleNames{NoiseSchedule::linspace, "normal", "Normal"},
    ScheduleNames{NoiseSchedule::leading, "ddim_uniform", "DDIM Uniform"},
    ScheduleNames{NoiseSchedule::configured, "automatic", "Automatic"},
    ScheduleNames{NoiseSchedule::karras, "k", "k"},
    ScheduleNames{NoiseSchedule::trailing, "simple", "Simple"},
    ScheduleNames{NoiseSchedule::linspace, "uniform", "Uniform"},
    ScheduleNames{NoiseSchedule::leading, "ddim", "DDIM"},
    ScheduleNames{NoiseSchedule::exponential, "polyexponential", "Polyexponential", false},
    ScheduleNames{NoiseSchedule::karras, "kl_optimal", "KL Optimal", false},
    ScheduleNames{NoiseSchedule::karras, "align_your_steps", "Align Your Steps", false},
    ScheduleNames{NoiseSchedule::karras, "ays", "AYS", false},
    ScheduleNames{NoiseSchedule::karras, "align_your_steps_gits", "Align Your Steps GITS", false},
    ScheduleNames{NoiseSchedule::karras, "align_your_steps_11", "Align Your Steps 11", false},
    ScheduleNames{NoiseSchedule::karras, "align_your_steps_32", "Align Your Steps 32", false},
    ScheduleNames{NoiseSchedule::trailing, "turbo", "Turbo", false},
    ScheduleNames{NoiseSchedule::linspace, "linear_quadratic", "Linear Quadratic", false},
    ScheduleNames{NoiseSchedule::beta, "bong_tangent", "Bong Tangent", false},
};

/// Normalises the spelling of a name.
std::string plain(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == ' ' || c == '_' || c == '-') continue;
    plain += c == '+' ? 'p' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

const MethodNames& names_of(SamplerMethod method) { return kMethods.at(static_cast<std::size_t>(method)); }

const ScheduleNames& names_of(NoiseSchedule schedule) { return *std::ranges::find(kSchedules, schedule, &ScheduleNames::schedule); }

std::string joined(std::string_view first, std::string_view between, std::string_view second) {
  std::string text(first);
  return second.empty() ? text : text.append(between).append(second);
}

bool takes(SamplerMethod method, NoiseSchedule schedule) {
  using enum NoiseSchedule;
  const bool levels = schedule == karras || schedule == exponential || schedule == beta;
  switch (names_of(method).takes) {
    case Takes::all:
      return true;
    case Takes::spacings:
      return !levels;
    case Takes::levels:
      return levels || schedule == linspace || schedule == configured;
    case Takes::none:
      return schedule == configured;
  }
  return false;
}

/// The sampler of a method's name `shown` and the schedule's `rest`; `same`: the method is the one of that name.
std::optional<Sampler> composed(SamplerMethod method, std::string_view shown, bool same, std::string_view rest) {
  const auto found = std::ranges::find_if(kSchedules, [&](const ScheduleNames& names) { return plain(names.ours) == rest; });
  if (found == kSchedules.end()) return {};
  const bool taken = takes(method, found->schedule);
  Sampler sampler(method, taken ? found->schedule : NoiseSchedule::configured);
  if (!same || !taken || !found->same) sampler.in_place_of = joined(shown, " ", found->a1111);
  return sampler;
}

}  // namespace

std::string name_of(const Sampler& sampler) { return joined(names_of(sampler.method).ours, "_", names_of(sampler.schedule).ours); }

std::string a1111_name_of(const Sampler& sampler) { return joined(names_of(sampler.method).a1111, " ", names_of(sampler.schedule).a1111); }

std::optional<Sampler> sampler_named(std::string_view name) {
  const std::string wanted = plain(name);
  const auto match = [&](std::string_view method_name, SamplerMethod method, std::string_view shown, bool same) -> std::optional<Sampler> {
    const std::string start = plain(method_name);
    if (!wanted.starts_with(start)) return {};
    return composed(method, shown, same, std::string_view(wanted).substr(start.size()));
  };
  for (const MethodNames& names : kMethods)
    for (const std::string_view spelling : {names.ours, names.a1111})
      if (auto sampler = match(spelling, names.method, names.a1111, true)) return sampler;
  for (const OtherName& other : kOtherNames)
    if (auto sampler = match(other.name, other.method, other.same ? names_of(other.method).a1111 : other.name, other.same)) return sampler;
  return {};
}

std::vector<Sampler> all_methods() {
  std::vector<Sampler> all;
  for (const MethodNames& names : kMethods) all.emplace_back(names.method);
  return all;
}

std::vector<Sampler> offered_samplers() {
  std::vector<Sampler> offered;
  for (const MethodNames& names : kMethods) {
    offered.emplace_back(names.method);
    if (takes(names.method, NoiseSchedule::karras)) offered.emplace_back(names.method, NoiseSchedule::karras);
  }
  return offered;
}

std::string sampler_names() {
  std::string all;
  for (const MethodNames& names : kMethods) all.append(all.empty() ? "" : ", ").append(names.ours);
  return all;
}

std::string noise_schedule_suffixes() {
  std::string all;
  for (const ScheduleNames& names : kSchedules) {
    if (names.schedule == NoiseSchedule::configured || &names != &names_of(names.schedule)) continue;
    all.append(all.empty() ? "_" : ", _").append(names.ours);
  }
  return all;
}

}  // namespace p2p::engine
