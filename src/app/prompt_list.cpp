#include "app/prompt_list.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace p2p::app {

std::vector<PromptLine> read_prompts(std::istream& in, const std::string& name) {
  constexpr std::size_t kMost = 100'000;
  constexpr std::size_t kMostBytes = std::size_t{64} << 20;  // the file may have no end
  constexpr std::string_view kSpaces = " \t\r\f\v";
  std::vector<PromptLine> prompts;
  std::size_t bytes = 0;
  const auto add = [&](std::string_view text, std::size_t line) {
    if (line == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
    text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
    if (text.empty() || text.starts_with('#')) return;
    if (prompts.size() == kMost) throw UsageError(name + " has more than " + std::to_string(kMost) + " prompts; split it");
    prompts.push_back({std::string(text), line});
  };
  std::string line;
  std::size_t number = 1;
  for (char c = 0; in.get(c);) {
    if (++bytes > kMostBytes) throw UsageError(name + " has more than 64 MiB; split it");
    if (c != '\n') {
      line += c;
      continue;
    }
    add(line, number++);
    line.clear();
  }
  add(line, number);
  if (prompts.empty()) throw UsageError(name + " has no prompt; write one in each line");
  return prompts;
}

}  // namespace p2p::app
