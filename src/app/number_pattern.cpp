#include "app/number_pattern.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace p2p::app {
namespace {

constexpr std::size_t kMostDigits = 9;

struct Place {
  std::size_t size = 0;    ///< of the text that stands for the number, or of %%
  std::size_t digits = 0;  ///< at least so many; 0 for %%
};

/// What begins with the % at `at`.
Place place_at(std::string_view name, std::size_t at) {
  std::size_t end = at + 1;
  if (end < name.size() && name[end] == '%') return {.size = 2};
  std::size_t digits = 0;
  while (end < name.size() && name[end] >= '0' && name[end] <= '9' && digits <= kMostDigits)
    digits = 10 * digits + static_cast<std::size_t>(name[end++] - '0');
  if (end < name.size() && name[end] == 'd' && digits <= kMostDigits)
    return {.size = end + 1 - at, .digits = std::max<std::size_t>(digits, 1)};
  throw UsageError("the name " + std::string(name) + " has " + std::string(name.substr(at, end + 1 - at)) +
                   " in it; only %d, or %03d for three digits, stands for the number of a picture, and %% for a percent sign");
}

}  // namespace

bool is_number_pattern(std::string_view name) {
  bool found = false;
  for (std::size_t at = name.find('%'); at != name.npos;) {
    const Place place = place_at(name, at);
    if (place.digits > 0 && found) throw UsageError("the name " + std::string(name) + " has two numbers; one is enough");
    found = found || place.digits > 0;
    at = name.find('%', at + place.size);
  }
  return found;
}

std::string with_number(std::string_view pattern, int number) {
  std::string result;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] != '%') {
      result += pattern[at++];
      continue;
    }
    const Place place = place_at(pattern, at);
    at += place.size;
    const std::string digits = place.digits > 0 ? std::to_string(number) : "%";
    result += std::string(place.digits > digits.size() ? place.digits - digits.size() : 0, '0') + digits;
  }
  return result;
}

}  // namespace p2p::app
