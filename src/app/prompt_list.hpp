#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

namespace p2p::app {

/// A prompt of a file, and its line, from 1.
struct PromptLine {
  std::string text;
  std::size_t line = 0;
};

/// The prompts of a file, one in each line; empty lines and those that begin with # are left out, and spaces around a prompt. Throws
/// UsageError for a file without prompts, and for more than 100,000.
std::vector<PromptLine> read_prompts(std::istream& in, const std::string& name);

}  // namespace p2p::app
