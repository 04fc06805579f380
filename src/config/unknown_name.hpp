#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace p2p {

/// What to say of a name that no setting has, among those that are known: "P2P_STEP is no setting; did you mean P2P_STEPS?", or where to
/// look where none is near.
std::string no_setting(std::string_view name, std::span<const std::string> known);

/// A sentence for each of these environment variables that begins with P2P_ and that neither a setting nor the tools and tests of this
/// repository know. Values are not looked at.
std::vector<std::string> unknown_variables(std::span<const std::string> names);

}  // namespace p2p
