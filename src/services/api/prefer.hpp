#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace p2p::api {

/// How long a call should wait for its picture, by its header Prefer (RFC 7240): 0 for `respond-async`, S seconds for `wait=S`, at most ten
/// minutes. nullopt if it has neither; invalid preferences are ignored.
std::optional<std::chrono::seconds> preference_of(std::string_view prefer);

}  // namespace p2p::api
