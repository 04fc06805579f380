#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace p2p::api {

/// How long a call wants to wait for its picture by its header Prefer (RFC 7240): `respond-async`: not at all; `wait=S`: S seconds, of
/// which more than ten minutes are taken for ten. Nothing where it says neither; what cannot be read is no preference.
std::optional<std::chrono::seconds> preference_of(std::string_view prefer);

}  // namespace p2p::api
