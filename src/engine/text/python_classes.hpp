#pragma once

#include "engine/text/unicode.hpp"

/// Python's \s and \w, which the patterns of AUTOMATIC1111's web UI use.
namespace p2p::engine::python {

inline bool is_space(char32_t c) { return unicode::kind(c) == unicode::Kind::space || (c >= 0x1C && c <= 0x1F); }
inline bool is_word(char32_t c) {
  return c == U'_' || unicode::kind(c) == unicode::Kind::letter || unicode::kind(c) == unicode::Kind::number;
}

}  // namespace p2p::engine::python
