#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "platform/http/client.hpp"

namespace p2p::http {

/// How long the server asks to wait before the next request, at most 1000 days; nothing if it does not say. Reads Retry-After (RFC 9110:
/// seconds or a date), RateLimit (drafts of the IETF's httpapi group: `"api";r=0;t=55`, which Hugging Face sends, and `limit=9,
/// remaining=0, reset=55`) and RateLimit-Reset; of several times it takes the longest. `now` is what dates are compared with.
std::optional<std::chrono::seconds> retry_after(const HttpResponse& response, Time now);

}  // namespace p2p::http
