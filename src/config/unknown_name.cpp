#include "config/unknown_name.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "config/settings.hpp"

namespace p2p {
namespace {

constexpr std::size_t kMaxName = 100;  ///< longest name that is compared

/// Variables of tools, tests and compose.yaml, which may share an environment with the program; also those that end with _GOLDEN.
constexpr std::array<std::string_view, 13> kToolVariables{
    "P2P_BINARY",    "P2P_BUILD_CACHE",  "P2P_COME_AND_GO",        "P2P_DECODE",        "P2P_IMAGE",
    "P2P_JOBS",      "P2P_MUTATIONS",    "P2P_NEWCOMER_NAMESPACE", "P2P_SOAK_REQUESTS", "P2P_SOAK_ROUNDS",
    "P2P_TOKENIZER", "P2P_TEST_PROGRAM", "P2P_TRAINING_PYTHON"};

/// The edit distance: insertions, deletions and substitutions.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string no_setting(std::string_view name, std::span<const std::string> known) {
  std::string text = std::string(name) + " is not a setting; ";
  const std::string_view compared = name.substr(0, kMaxName);
  const auto nearest = std::ranges::min_element(known, {}, [&](const std::string& other) { return distance(compared, other); });
  if (nearest == known.end() || distance(compared, *nearest) > std::max<std::size_t>(2, compared.size() / 4))
    return text + "prompt2pic config lists them";
  return text + "did you mean " + *nearest + "?";
}

std::vector<std::string> unknown_variables(std::span<const std::string> names) {
  std::vector<std::string> known;
  for (const Setting& setting : settings()) {
    known.push_back(setting.env());
    if (setting.secret) known.push_back(setting.env() + "_FILE");
  }
  std::vector<std::string> sentences;
  for (const std::string& name : names) {
    const bool is_known = !name.starts_with("P2P_") || name.ends_with("_GOLDEN") || std::ranges::find(known, name) != known.end() ||
                          std::ranges::find(kToolVariables, name) != kToolVariables.end();
    if (!is_known) sentences.push_back(no_setting(name, known));
  }
  return sentences;
}

}  // namespace p2p
