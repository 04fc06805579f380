#pragma once

#include <string>
#include <string_view>

namespace p2p::app {

/// Whether a name has a place for a number: %d, or %3d or %03d for at least three digits. %% stands for a percent sign. Throws UsageError
/// for any other use of %, and for more than one number.
bool is_number_pattern(std::string_view name);

/// The name with `number` in its place, and %% as %.
std::string with_number(std::string_view pattern, int number);

}  // namespace p2p::app
