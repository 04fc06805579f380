#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace p2p::engine {

/// What becomes of a tensor that goes by another name.
enum class Change {
  none,
  squeeze,    ///< a convolution of one pixel is a matrix there
  split,      ///< rows of queries, keys and values are three tensors there: "?" in the name becomes q, k and v
  transpose,  ///< a matrix
};

/// How a network counts blocks in the other names.
enum class Numbers {
  same,
  input_block,   ///< one number of all blocks on the way down, the first of which is none, becomes level and place
  output_block,  ///< one number of all blocks on the way up becomes level and place
  from_last,     ///< the first number counts from the last level
};

/// What the original layout calls by one name and diffusers by another.
struct NameRule {
  std::string_view from;                ///< how the name begins; "#" is a number
  std::string_view to;                  ///< "#" are the numbers, in their order
  std::span<const NameRule> rest = {};  ///< of what follows; without any it stays as it is
  Numbers numbers = Numbers::same;
  Change change = Change::none;
};

/// How many blocks there are.
struct BlockCounts {
  std::size_t places = 1;  ///< of a level: its layers, and what leads to the next
  std::size_t levels = 1;
};

struct NewName {
  std::string name;
  Change change = Change::none;
};

/// By the first rule that fits; nothing where none does.
std::optional<NewName> renamed(std::string_view name, std::span<const NameRule> rules, BlockCounts counts);

}  // namespace p2p::engine
