#include "platform/telegram/api.hpp"

namespace p2p::telegram {
namespace {

struct Character {
  std::size_t bytes = 1;
  std::size_t units = 1;  ///< UTF-16
  bool valid = true;
};

/// The UTF-8 character at the start of the text (RFC 3629); an invalid byte counts as one invalid character.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  bool valid = first >= 0xc2 && first <= 0xf4 && text.size() >= length;
  for (std::size_t i = 1; valid && i < length; ++i) valid = (byte(i) & 0xc0u) == 0x80;
  if (valid) {
    const unsigned char second = byte(1);
    valid = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f) && !(first == 0xf0 && second < 0x90) &&
            !(first == 0xf4 && second > 0x8f);
  }
  if (!valid) return {1, 1, false};
  return {length, length == 4 ? std::size_t{2} : std::size_t{1}, true};
}

}  // namespace

std::string cut_to(std::string_view text, std::size_t units) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  constexpr std::string_view kEllipsis = "\xe2\x80\xa6";  // one UTF-16 unit
  std::string result;
  std::size_t used = 0;
  std::size_t before_last = 0;  // length of `result` that leaves room for the ellipsis
  while (!text.empty()) {
    const Character character = first_of(text);
    if (used + character.units > units) {
      if (units == 0) return {};
      result.resize(before_last);
      return result.append(kEllipsis);
    }
    if (used + 1 <= units)
      before_last =
          used + character.units < units ? result.size() + (character.valid ? character.bytes : kReplacement.size()) : result.size();
    result.append(character.valid ? text.substr(0, character.bytes) : kReplacement);
    used += character.units;
    text.remove_prefix(character.bytes);
  }
  return result;
}

std::size_t length_of(std::string_view text) {
  std::size_t units = 0;
  while (!text.empty()) {
    const Character character = first_of(text);
    units += character.units;
    text.remove_prefix(character.bytes);
  }
  return units;
}

}  // namespace p2p::telegram
