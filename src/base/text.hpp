#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace p2p {

/// A-Z as a-z; all other bytes as they are.
inline std::string to_lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

/// Without white space at both ends.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// Clears a text and frees its memory, which assigning an empty string does not do.
inline void release(std::string& text) { std::string().swap(text); }

}  // namespace p2p
