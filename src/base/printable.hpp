#pragma once

#include <string>
#include <string_view>

namespace p2p {

/// Text from outside as a terminal or a log may show it. What would move the cursor, break the line elsewhere or reorder the text becomes
/// \u001b and the like: control characters (C0, DEL, C1) but line feed and tab, U+2028, U+2029 and the controls of bidirectional text.
/// A byte that is no UTF-8 becomes \xff. All else stays. JSON that dump() made stays JSON and keeps its meaning.
std::string printable(std::string_view text);

}  // namespace p2p
