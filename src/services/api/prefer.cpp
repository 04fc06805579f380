#include "services/api/prefer.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/text.hpp"

namespace p2p::api {

std::optional<std::chrono::seconds> preference_of(std::string_view prefer) {
  constexpr std::string_view kWait = "wait=";
  constexpr int kMost = 600;
  std::optional<std::chrono::seconds> wanted;
  for (std::size_t from = 0; from < prefer.size();) {
    const std::size_t end = std::min(prefer.find_first_of(",;", from), prefer.size());
    std::string word(prefer.substr(from, end - from));
    from = end + 1;
    std::erase_if(word, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
    word = to_lower(word);
    if (word == "respond-async") return std::chrono::seconds(0);
    int value = 0;
    const char* const stop = word.data() + word.size();
    if (!word.starts_with(kWait)) continue;
    const auto [read, problem] = std::from_chars(word.data() + kWait.size(), stop, value);
    if (read == stop && problem != std::errc::invalid_argument && value >= 0)
      wanted = std::chrono::seconds(problem == std::errc() ? std::min(value, kMost) : kMost);
  }
  return wanted;
}

}  // namespace p2p::api
