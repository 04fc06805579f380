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

/// Empties it and frees its memory, which an assignment of an empty string keeps.
inline void release(std::string& text) { std::string().swap(text); }

}  // namespace p2p
