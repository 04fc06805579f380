#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace p2p {

/// `form` with {0} to {9} replaced by the values. Throws std::out_of_range if one is missing.
inline std::string fill(std::string_view form, const std::vector<std::string>& values) {
  std::string text;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '{' && i + 2 < form.size() && form[i + 2] == '}') {
      text += values.at(static_cast<std::size_t>(form[i + 1] - '0'));
      i += 2;
    } else {
      text += form[i];
    }
  }
  return text;
}

/// A sentence for users, and what is needed to say it in another language.
struct Sentence {
  std::string text;                 ///< English
  std::string code;                 ///< which sentence it is; empty: one that is said in English only
  std::vector<std::string> values;  ///< that it contains

  Sentence() = default;
  Sentence(std::string english) : text(std::move(english)) {}
  Sentence(const char* english) : text(english) {}
  bool operator==(const Sentence& other) const { return text == other.text; }
};

/// A value of a sentence as text.
inline std::string value_text(std::string text) { return text; }
inline std::string value_text(std::integral auto number) { return std::to_string(number); }

/// The sentence `code`: its English `form`, filled with the values, which are texts or integers.
template <typename... Values>
Sentence sentence(std::string_view code, std::string_view form, const Values&... values) {
  Sentence result;
  result.code = code;
  result.values = {value_text(values)...};
  result.text = fill(form, result.values);
  return result;
}

}  // namespace p2p
