#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace p2p {

/// The message for an unknown name: "P2P_STEP is not a setting; did you mean P2P_STEPS?", or a pointer to the list of settings if no known
/// name is similar.
std::string no_setting(std::string_view name, std::span<const std::string> known);

/// A message for each of these environment variables that begins with P2P_ and is used neither by a setting nor by the tools and tests of
/// this repository. Values are not read.
std::vector<std::string> unknown_variables(std::span<const std::string> names);

}  // namespace p2p
