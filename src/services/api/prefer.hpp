#pragma once

#include <chrono>
#include <string_view>

namespace p2p::api {

/// How long a call waits for its picture by its header Prefer (RFC 7240): `respond-async`: not at all; `wait=S`: S seconds, of which more
/// than ten minutes are taken for ten; else two minutes. What cannot be read is no preference.
std::chrono::seconds patience_of(std::string_view prefer);

}  // namespace p2p::api
