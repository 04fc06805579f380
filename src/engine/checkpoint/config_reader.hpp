#pragma once

#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace p2p::engine {

/// A component's config.json, read key by key with a plausible range for each value. Every failure is a ModelError that names the file, the
/// key, what was expected and what was found.
class ConfigReader {
 public:
  /// Reads `file`, which must hold an object. Implicit, so that a file can be passed as a configuration.
  ConfigReader(const std::filesystem::path& file);
  /// Takes parsed JSON; `file` is only for messages.
  ConfigReader(std::filesystem::path file, Json json);

  /// `fallback` is the default of diffusers or transformers; without one the key is required. With one, null counts as absent.
  /// Integers are not read from floats (64.0) or booleans.
  std::size_t size(std::string_view key, std::size_t min, std::size_t max, std::optional<std::size_t> fallback = {}) const;
  long long integer(std::string_view key, long long min, long long max, std::optional<long long> fallback = {}) const;
  double number(std::string_view key, double min, double max, std::optional<double> fallback = {}) const;
  bool boolean(std::string_view key, std::optional<bool> fallback = {}) const;
  std::string text(std::string_view key, std::optional<std::string> fallback = {}) const;
  std::vector<long long> integers(std::string_view key, long long min, long long max,
                                  std::optional<std::vector<long long>> fallback = {}) const;
  std::vector<bool> booleans(std::string_view key, std::optional<std::vector<bool>> fallback = {}) const;
  std::vector<std::string> texts(std::string_view key, std::optional<std::vector<std::string>> fallback = {}) const;

  /// Throws ModelError unless the key has this value, which is also its default.
  void expect_text(std::string_view key, const std::string& value) const;

  /// Throws ModelError "FILE: KEY: PROBLEM".
  [[noreturn]] void fail(std::string_view key, const std::string& problem) const;

  const std::filesystem::path& file() const { return file_; }
  const Json& json() const { return json_; }

 private:
  std::filesystem::path file_;
  Json json_;
};

}  // namespace p2p::engine
