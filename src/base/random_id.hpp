#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace p2p {

/// A UUID of version 7 (RFC 9562): sorted by time, unpredictable. Safe from any thread.
std::string new_id();

/// Whether `text` is a UUID as new_id() writes it: lower-case, with hyphens.
bool is_id(std::string_view text);

/// Unpredictable bits from the operating system.
std::uint64_t random_bits();

/// `count` unpredictable bytes as lower-case hex.
std::string random_hex(std::size_t count);

}  // namespace p2p
