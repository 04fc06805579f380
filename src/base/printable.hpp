#pragma once

#include <string>
#include <string_view>

namespace p2p {

/// Untrusted text in a form that is safe for terminals and logs. Escapes (\u001b) characters that move the cursor, break lines or reorder
/// text: control characters (C0, DEL, C1) except line feed and tab, U+2028, U+2029 and bidirectional controls. A byte that is not UTF-8
/// becomes \xff. Everything else is unchanged. Output of Json::dump() stays JSON with the same meaning.
std::string printable(std::string_view text);

}  // namespace p2p
