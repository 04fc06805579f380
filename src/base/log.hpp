#pragma once

#include <string_view>

#include "base/json.hpp"

namespace p2p::log {

enum class Level { debug, info, warn, error };
enum class Format { text, json };

/// Set once, before threads start.
void configure(Level least, Format format);

/// Writes one line to stderr: time (UTC), level, message, and the fields, of which "id" is by custom a request's. An object's null fields
/// are left out. Safe from any thread. The line is printable(): nothing that came from
/// outside moves a terminal's cursor.
void write(Level level, std::string_view message, const Json& fields = Json::object());

inline void debug(std::string_view message, const Json& fields = Json::object()) { write(Level::debug, message, fields); }
inline void info(std::string_view message, const Json& fields = Json::object()) { write(Level::info, message, fields); }
inline void warn(std::string_view message, const Json& fields = Json::object()) { write(Level::warn, message, fields); }
inline void error(std::string_view message, const Json& fields = Json::object()) { write(Level::error, message, fields); }

}  // namespace p2p::log
