#pragma once

#include <string_view>

#include "base/json.hpp"

namespace p2p::log {

enum class Level { debug, info, warn, error };
enum class Format { text, json };

/// Set once, before threads start.
void configure(Level least, Format format);

/// Writes one line to stderr: time (UTC), level, message and fields. By convention "id" is the id of a request. Fields that are null are
/// omitted. Safe from any thread. The line is printable(), so that
/// untrusted text cannot control the terminal.
void write(Level level, std::string_view message, const Json& fields = Json::object());

inline void debug(std::string_view message, const Json& fields = Json::object()) { write(Level::debug, message, fields); }
inline void info(std::string_view message, const Json& fields = Json::object()) { write(Level::info, message, fields); }
inline void warn(std::string_view message, const Json& fields = Json::object()) { write(Level::warn, message, fields); }
inline void error(std::string_view message, const Json& fields = Json::object()) { write(Level::error, message, fields); }

}  // namespace p2p::log
