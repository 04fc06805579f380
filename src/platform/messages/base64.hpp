#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace p2p::messages {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// nullopt unless `text` is exactly the canonical output of to_base64 for some bytes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace p2p::messages
