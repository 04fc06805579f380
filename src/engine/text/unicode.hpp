#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace p2p::engine::unicode {

/// The character classes of CLIP's word pattern: \s, \p{L}, \p{N} and others.
enum class Kind : std::uint8_t { space, letter, number, other };

Kind kind(char32_t c);

/// \w in Rust's regular expressions.
bool is_word(char32_t c);

/// UTF-8 to code points; each ill-formed part becomes U+FFFD.
std::u32string decode(std::string_view text);

std::string encode(std::u32string_view text);

/// CLIP's normaliser, in this order: NFC, every run of white space to one space, lower case code point by code point.
/// The time is nearly linear in the length for any text.
std::u32string normalize(std::u32string_view text);

}  // namespace p2p::engine::unicode
