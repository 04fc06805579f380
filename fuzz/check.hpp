#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

/// Aborts unless the invariant holds.
inline void check(bool holds) {
  if (!holds) std::abort();
}

/// Removes and returns the first line of `text`.
inline std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

/// A safetensors file: the length of `header`, the header, and zeros as tensor data.
inline std::vector<std::byte> with_header(std::span<const std::byte> header, std::size_t zeros) {
  const std::uint64_t size = header.size();
  std::vector<std::byte> file(sizeof size);
  std::memcpy(file.data(), &size, sizeof size);
  file.insert(file.end(), header.begin(), header.end());
  file.resize(file.size() + zeros);
  return file;
}

}  // namespace fuzz
