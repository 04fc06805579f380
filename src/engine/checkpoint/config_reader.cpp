#include "engine/checkpoint/config_reader.hpp"

#include <functional>
#include <utility>

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxConfigBytes = 1u << 20;

/// A kind of value: its name in messages, and its conversion from JSON (nothing for another kind or a value out of range).
template <typename T>
struct Kind {
  std::string article;
  std::string noun;
  std::string range;
  std::function<std::optional<T>(const Json&)> take;

  std::string one() const { return article + " " + noun + range; }
  std::string many() const { return "a list of " + noun + "s" + range; }
};

template <typename T>
std::string range_text(T min, T max) {
  return " from " + excerpt(min) + " to " + excerpt(max);
}

template <typename T>
Kind<T> integer_kind(T min, T max) {
  return {"an", "integer", range_text(min, max), [=](const Json& json) -> std::optional<T> {
            const auto within = [=](auto value) -> std::optional<T> {
              if (std::cmp_less(value, min) || std::cmp_greater(value, max)) return {};
              return static_cast<T>(value);
            };
            if (json.is_number_unsigned()) return within(json.get<std::uint64_t>());
            if (json.is_number_integer()) return within(json.get<std::int64_t>());
            return {};
          }};
}

Kind<double> number_kind(double min, double max) {
  return {"a", "number", range_text(min, max), [=](const Json& json) -> std::optional<double> {
            if (!json.is_number()) return {};
            const auto value = json.get<double>();
            return value >= min && value <= max ? std::optional(value) : std::nullopt;
          }};
}

Kind<bool> boolean_kind() {
  return {"a", "boolean", "", [](const Json& json) { return json.is_boolean() ? std::optional(json.get<bool>()) : std::nullopt; }};
}

Kind<std::string> text_kind() {
  return {"a", "string", "", [](const Json& json) { return json.is_string() ? std::optional(json.get<std::string>()) : std::nullopt; }};
}

/// The value of a key; null if `fallback` applies.
const Json* find(const ConfigReader& config, std::string_view key, bool has_fallback, const std::string& expected) {
  const auto found = config.json().find(key);
  const bool absent = found == config.json().end();
  if (has_fallback && (absent || found->is_null())) return nullptr;
  if (absent) config.fail(key, "expected " + expected + ", found no such key");
  return &*found;
}

template <typename T>
T take(const ConfigReader& config, const std::string& where, const Json& json, const Kind<T>& kind) {
  const std::optional<T> value = kind.take(json);
  if (!value) config.fail(where, "expected " + kind.one() + ", found " + excerpt(json));
  return *value;
}

template <typename T>
T read(const ConfigReader& config, std::string_view key, std::optional<T>& fallback, const Kind<T>& kind) {
  const Json* const json = find(config, key, fallback.has_value(), kind.one());
  return json ? take(config, std::string(key), *json, kind) : std::move(*fallback);
}

template <typename T>
std::vector<T> read_list(const ConfigReader& config, std::string_view key, std::optional<std::vector<T>>& fallback, const Kind<T>& kind) {
  const Json* const json = find(config, key, fallback.has_value(), kind.many());
  if (!json) return std::move(*fallback);
  if (!json->is_array()) config.fail(key, "expected " + kind.many() + ", found " + excerpt(*json));
  std::vector<T> values;
  for (const Json& item : *json) values.push_back(take(config, std::string(key) + "[" + std::to_string(values.size()) + "]", item, kind));
  return values;
}

Json read_config(const std::filesystem::path& file) {
  try {
    return read_json(file, kMaxConfigBytes);
  } catch (const Error& error) {
    throw ModelError(error.what());
  }
}

}  // namespace

ConfigReader::ConfigReader(const std::filesystem::path& file) : ConfigReader(file, read_config(file)) {}

ConfigReader::ConfigReader(std::filesystem::path file, Json json) : file_(std::move(file)), json_(std::move(json)) {
  if (!json_.is_object()) throw ModelError(file_.string() + ": expected an object, found " + excerpt(json_));
}

std::size_t ConfigReader::size(std::string_view key, std::size_t min, std::size_t max, std::optional<std::size_t> fallback) const {
  return read(*this, key, fallback, integer_kind(min, max));
}

long long ConfigReader::integer(std::string_view key, long long min, long long max, std::optional<long long> fallback) const {
  return read(*this, key, fallback, integer_kind(min, max));
}

double ConfigReader::number(std::string_view key, double min, double max, std::optional<double> fallback) const {
  return read(*this, key, fallback, number_kind(min, max));
}

bool ConfigReader::boolean(std::string_view key, std::optional<bool> fallback) const { return read(*this, key, fallback, boolean_kind()); }

std::string ConfigReader::text(std::string_view key, std::optional<std::string> fallback) const {
  return read(*this, key, fallback, text_kind());
}

void ConfigReader::expect_text(std::string_view key, const std::string& value) const {
  if (text(key, value) != value) fail(key, "only \"" + value + "\" is supported, found " + excerpt(json_[std::string(key)]));
}

std::vector<long long> ConfigReader::integers(std::string_view key, long long min, long long max,
                                              std::optional<std::vector<long long>> fallback) const {
  return read_list(*this, key, fallback, integer_kind(min, max));
}

std::vector<bool> ConfigReader::booleans(std::string_view key, std::optional<std::vector<bool>> fallback) const {
  return read_list(*this, key, fallback, boolean_kind());
}

std::vector<std::string> ConfigReader::texts(std::string_view key, std::optional<std::vector<std::string>> fallback) const {
  return read_list(*this, key, fallback, text_kind());
}

void ConfigReader::fail(std::string_view key, const std::string& problem) const {
  throw ModelError(file_.string() + ": " + std::string(key) + ": " + problem);
}

}  // namespace p2p::engine
