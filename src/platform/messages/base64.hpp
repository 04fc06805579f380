#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace p2p::messages {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// Nothing where `text` is not exactly what to_base64 writes for some bytes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace p2p::messages
