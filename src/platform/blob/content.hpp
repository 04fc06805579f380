#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "platform/http/client.hpp"

/// Whether a store has kept and given what it says: what answers 200 may still be a web page of something else.
namespace p2p::blob {

/// MD5 in lower-case hexadecimal; nothing where OpenSSL may not compute it.
std::optional<std::string> md5_hex(std::string_view bytes);

/// By the ETag of the answer to a PUT of `bytes`: whether it was stored; nothing where the ETag is no MD5 (several parts, keys of a KMS or
/// of the customer's), so that it says nothing.
std::optional<bool> is_stored(const http::HttpResponse& answer, std::string_view bytes);

/// Throws BlobError (unavailable) where the key ends with .png and `bytes` are no PNG from its first to its last byte.
void check_content(std::string_view key, std::string_view bytes);
/// The same for a part: where it holds the first or the last of the `total` bytes, it has to begin or end as a PNG does.
void check_part(std::string_view key, std::string_view bytes, std::size_t offset, std::size_t total);

/// How far this machine's clock is ahead of the answer's Date; nothing where there is none.
std::optional<std::chrono::seconds> clock_ahead(const http::HttpResponse& answer, Time now);

}  // namespace p2p::blob
