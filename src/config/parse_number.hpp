#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace p2p {

/// Parses the whole `text` as a number in min..max; nullopt for anything else (spaces, signs before unsigned, nan, trailing letters).
template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number min, Number max) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end || !(value >= min && value <= max)) return std::nullopt;
  return value;
}

}  // namespace p2p
