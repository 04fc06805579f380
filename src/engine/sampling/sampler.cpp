#include "engine/sampling/sampler.hpp"

#include <algorithm>
#include <array>

namespace p2p::engine {
namespace {

struct Names {
  std::string_view ours;
  std::string_view a1111;
};

constexpr std::array<Names, 10> kSamplerNames{{{"pndm", "PLMS"},
                                               {"ddim", "DDIM"},
                                               {"euler", "Euler"},
                                               {"euler_a", "Euler a"},
                                               {"heun", "Heun"},
                                               {"dpmpp_2m", "DPM++ 2M"},
                                               {"dpmpp_2m_karras", "DPM++ 2M Karras"},
                                               {"dpmpp_2m_sde", "DPM++ 2M SDE"},
                                               {"unipc", "UniPC"},
                                               {"lcm", "LCM"}}};

/// Normalises the spelling of a name.
std::string plain(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == ' ' || c == '_' || c == '-') continue;
    plain += c == '+' ? 'p' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

const Names& names_of(Sampler sampler) { return kSamplerNames.at(static_cast<std::size_t>(sampler)); }

}  // namespace

std::string_view name_of(Sampler sampler) { return names_of(sampler).ours; }

std::string_view a1111_name_of(Sampler sampler) { return names_of(sampler).a1111; }

std::optional<Sampler> sampler_named(std::string_view name) {
  const auto found = std::ranges::find_if(
      kSamplerNames, [wanted = plain(name)](const Names& names) { return plain(names.ours) == wanted || plain(names.a1111) == wanted; });
  if (found == kSamplerNames.end()) return {};
  return static_cast<Sampler>(found - kSamplerNames.begin());
}

std::string sampler_names() {
  std::string all;
  for (const Names& names : kSamplerNames) all.append(all.empty() ? "" : ", ").append(names.ours);
  return all;
}

}  // namespace p2p::engine
