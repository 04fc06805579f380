#include "engine/checkpoint/name_rules.hpp"

#include <vector>

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxDigits = 4;

/// Removes a number from the front of `text`; nothing unless it is written as by std::to_string.
std::optional<std::size_t> take_number(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > kMaxDigits || (digits > 1 && text.starts_with('0'))) return {};
  const std::size_t number = std::stoul(std::string(text.substr(0, digits)));
  text.remove_prefix(digits);
  return number;
}

/// Removes `pattern` from the front of `name` and stores its numbers.
bool take(std::string_view& name, std::string_view pattern, std::vector<std::size_t>& numbers) {
  for (const char c : pattern) {
    if (c == '#') {
      const auto number = take_number(name);
      if (!number) return false;
      numbers.push_back(*number);
    } else {
      if (!name.starts_with(c)) return false;
      name.remove_prefix(1);
    }
  }
  return true;
}

/// False if there is no such block.
bool renumber(std::vector<std::size_t>& numbers, Numbers how, BlockCounts counts) {
  switch (how) {
    case Numbers::same:
      return true;
    case Numbers::input_block:
      if (numbers[0] == 0) return false;
      numbers = {(numbers[0] - 1) / counts.places, (numbers[0] - 1) % counts.places};
      return true;
    case Numbers::output_block:
      numbers = {numbers[0] / counts.places, numbers[0] % counts.places};
      return true;
    case Numbers::from_last:
      if (numbers[0] >= counts.levels) return false;
      numbers[0] = counts.levels - 1 - numbers[0];
      return true;
  }
  return false;
}

std::string filled(std::string_view pattern, const std::vector<std::size_t>& numbers) {
  std::string text;
  std::size_t next = 0;
  for (const char c : pattern) {
    if (c == '#') {
      text += std::to_string(numbers.at(next++));
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::optional<NewName> renamed(std::string_view name, std::span<const NameRule> rules, BlockCounts counts) {
  for (const NameRule& rule : rules) {
    std::string_view rest = name;
    std::vector<std::size_t> numbers;
    if (!take(rest, rule.from, numbers)) continue;
    if (!renumber(numbers, rule.numbers, counts)) return {};
    NewName result{.name = filled(rule.to, numbers), .change = rule.change};
    if (rule.rest.empty()) {
      result.name += rest;
      return result;
    }
    const auto inner = renamed(rest, rule.rest, counts);
    if (!inner) return {};
    return NewName{.name = result.name + inner->name, .change = inner->change};
  }
  return {};
}

}  // namespace p2p::engine
