#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace p2p {

using Json = nlohmann::json;

/// Limits of untrusted JSON. Parsed values can take a hundred times the memory of their text: 1 MB of "[],[],[]" becomes 100 MB.
struct JsonLimits {
  std::size_t depth = 64;        ///< levels
  std::size_t values = 100'000;  ///< objects, arrays, texts, numbers ... at all levels
};

/// For the files of a model: vocabularies and lists of tensors are long.
inline constexpr JsonLimits kModelFileLimits{.values = 2'000'000};

/// Parses untrusted JSON: within `limits`, no comments, no duplicate keys, UTF-8. Throws Error that starts with `name`.
Json parse_json(std::string_view text, std::string_view name, JsonLimits limits = {});

/// Reads and parses a file of a model, of at most `max_bytes` and within kModelFileLimits. Throws Error that names the file.
Json read_json(const std::filesystem::path& path, std::size_t max_bytes = 64u << 20);

/// The value as JSON on one line, printable().
std::string json_line(const Json& value);

/// The value as JSON for a message: UTF-8, cut to a length that fits in a line.
std::string excerpt(const Json& value);

}  // namespace p2p
