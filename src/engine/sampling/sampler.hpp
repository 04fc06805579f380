#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace p2p::engine {

/// The samplers that can be selected by name. Each is a scheduler class of diffusers (scheduler_config.hpp).
enum class Sampler : std::uint8_t { pndm, ddim, euler, euler_a, heun, dpmpp_2m, dpmpp_2m_karras, dpmpp_2m_sde, unipc, lcm };

inline constexpr std::array kAllSamplers{Sampler::pndm,  Sampler::ddim,     Sampler::euler,           Sampler::euler_a,
                                         Sampler::heun,  Sampler::dpmpp_2m, Sampler::dpmpp_2m_karras, Sampler::dpmpp_2m_sde,
                                         Sampler::unipc, Sampler::lcm};

/// Our name, such as "dpmpp_2m_karras".
std::string_view name_of(Sampler sampler);

/// AUTOMATIC1111's name, such as "DPM++ 2M Karras".
std::string_view a1111_name_of(Sampler sampler);

/// The sampler of either name; case, spaces, `_` and `-` do not matter. Nothing if there is none.
std::optional<Sampler> sampler_named(std::string_view name);

/// All our names, for help and messages: "pndm, ddim, ...".
std::string sampler_names();

}  // namespace p2p::engine
