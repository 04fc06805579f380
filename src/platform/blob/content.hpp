#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "platform/http/client.hpp"

/// Checks of what a store has stored and returned: a status of 200 may come from a proxy or login page.
namespace p2p::blob {

/// MD5 in lower-case hexadecimal; nullopt if OpenSSL does not permit it (FIPS).
std::optional<std::string> md5_hex(std::string_view bytes);

/// Whether `bytes` were stored, by the ETag of the answer to their PUT; nullopt if the ETag is not an MD5 (multipart, encryption with a KMS
/// or customer key).
std::optional<bool> is_stored(const http::HttpResponse& answer, std::string_view bytes);

/// Throws BlobError (unavailable) if the key ends with .png, .jpg or .webp and `bytes` are not a complete picture of that format.
void check_content(std::string_view key, std::string_view bytes);
/// The same for a part: if it contains the first or last of the `total` bytes, it must begin or end like that format.
void check_part(std::string_view key, std::string_view bytes, std::size_t offset, std::size_t total);

/// How far this machine's clock is ahead of the answer's Date header; nullopt without one.
std::optional<std::chrono::seconds> clock_ahead(const http::HttpResponse& answer, Time now);

}  // namespace p2p::blob
