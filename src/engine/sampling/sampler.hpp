#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// Ways to go from noise to a picture. Each is a scheduler class of diffusers (scheduler_config.hpp).
enum class SamplerMethod : std::uint8_t {
  pndm,
  ddim,
  ddpm,
  euler,
  euler_a,
  heun,
  lms,
  dpm2,
  dpm2_a,
  dpmpp_2s,
  dpmpp_2s_sde,
  dpmpp_2m,
  dpmpp_2m_sde,
  dpmpp_2m_sde_heun,
  dpmpp_3m_sde,
  deis,
  unipc,
  lcm,
  tcd,
};

/// Which noise levels a method visits: those of the model's configuration, or named ones.
enum class NoiseSchedule : std::uint8_t { configured, karras, exponential, beta, trailing, linspace, leading };

/// A sampler that can be selected by name: a method and its noise levels.
struct Sampler {
  using enum SamplerMethod;

  Sampler(SamplerMethod with_method, NoiseSchedule with_schedule = NoiseSchedule::configured)
      : method(with_method), schedule(with_schedule) {}

  SamplerMethod method;
  NoiseSchedule schedule;
  /// AUTOMATIC1111's name of the sampler that was asked for, if it is not available and this one is the nearest.
  std::string in_place_of = {};

  bool operator==(const Sampler&) const = default;
};

/// Our name, such as "dpmpp_2m_karras".
std::string name_of(const Sampler& sampler);

/// AUTOMATIC1111's name, such as "DPM++ 2M Karras".
std::string a1111_name_of(const Sampler& sampler);

/// The sampler of either name, of a name in ComfyUI, or the nearest one to a known sampler that is not available (`in_place_of`). Case,
/// spaces, `_` and `-` do not matter. Nothing if the name is unknown.
std::optional<Sampler> sampler_named(std::string_view name);

/// All methods with the model's own noise levels.
std::vector<Sampler> all_methods();

/// What to offer for a choice: all methods, and those that can have them with the noise levels of Karras.
std::vector<Sampler> offered_samplers();

/// Our names of all methods, for help and messages: "pndm, ddim, ...".
std::string sampler_names();

/// What may follow them: "_karras, _exponential, ...".
std::string noise_schedule_suffixes();

}  // namespace p2p::engine
