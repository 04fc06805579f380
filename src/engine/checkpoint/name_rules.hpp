#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace p2p::engine {

/// How a tensor changes when it is renamed.
enum class Change {
  none,
  squeeze,    ///< a 1x1 convolution becomes a matrix
  split,      ///< one tensor of queries, keys and values becomes three: "?" in the name becomes q, k and v
  transpose,  ///< a matrix
};

/// How block numbers are converted.
enum class Numbers {
  same,
  input_block,   ///< a number over all down blocks, which starts at 1, becomes level and place
  output_block,  ///< a number over all up blocks becomes level and place
  from_last,     ///< the first number counts from the last level
};

/// Converts names of the original layout to diffusers' names.
struct NameRule {
  std::string_view from;                ///< prefix of the name; "#" matches a number
  std::string_view to;                  ///< its replacement; "#" are the numbers in their order
  std::span<const NameRule> rest = {};  ///< rules for the rest of the name, which is unchanged without any
  Numbers numbers = Numbers::same;
  Change change = Change::none;
};

/// Numbers of blocks.
struct BlockCounts {
  std::size_t places = 1;  ///< per level: its layers, perhaps unused numbers, and the step to the next level
  std::size_t levels = 1;
};

struct NewName {
  std::string name;
  Change change = Change::none;
};

/// Applies the first rule that matches; nothing if none does.
std::optional<NewName> renamed(std::string_view name, std::span<const NameRule> rules, BlockCounts counts);

}  // namespace p2p::engine
