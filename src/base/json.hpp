#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace p2p {

using Json = nlohmann::json;

/// Parses JSON from outside: at most `max_depth` levels deep, no comments, no duplicate keys, UTF-8. Throws Error that starts with `name`.
Json parse_json(std::string_view text, std::string_view name, int max_depth = 64);

/// Reads and parses a file of at most `max_bytes`. Throws Error that names the file.
Json read_json(const std::filesystem::path& path, std::size_t max_bytes = 64u << 20);

/// The value as JSON for a message: UTF-8, cut to a length that fits in a line.
std::string excerpt(const Json& value);

}  // namespace p2p
