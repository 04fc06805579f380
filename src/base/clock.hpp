#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace p2p {

/// Wall-clock time in milliseconds, as messages and tables store it.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

Time now();

/// RFC 3339 in UTC, such as 2026-11-24T04:00:50.123Z.
std::string to_text(Time time);

/// Parses the format of to_text, with or without the fraction; nothing for any other text.
std::optional<Time> parse_time(std::string_view text);

/// Milliseconds since 1970.
inline std::int64_t to_millis(Time time) { return time.time_since_epoch().count(); }
inline Time from_millis(std::int64_t millis) { return Time(std::chrono::milliseconds(millis)); }

}  // namespace p2p
