#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"

namespace p2p::messages {

enum class Need { required, optional };

/// Collects all problems of one message.
class Problems {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  bool empty() const { return texts_.empty(); }
  /// One line of UTF-8; only the first problems if there are very many.
  std::string line() const;

 private:
  std::vector<std::string> texts_;
};

/// Limits of a text's length in bytes, and its form: `form` describes what `fits` accepts.
struct TextRule {
  std::size_t max_bytes = 0;
  std::size_t min_bytes = 0;
  bool (*fits)(std::string_view) = nullptr;
  const char* form = "";
};

/// Reads the fields of one JSON object into variables. A missing field, a wrong type or a value out of range becomes a problem that names
/// the field, and leaves the variable unchanged. Keeps references to the object and the problems.
class FieldReader {
 public:
  /// `path` is the prefix of field names in problems: "", or for example "images[0].".
  FieldReader(const Json& object, std::string path, Problems& problems) : object_(object), path_(std::move(path)), problems_(problems) {}

  void text(const char* key, std::string& value, const TextRule& rule, Need need = Need::required);
  /// An optional list of at most `most` such texts.
  void texts(const char* key, std::vector<std::string>& values, const TextRule& rule, std::size_t most);
  void time(const char* key, Time& value);
  void integer(const char* key, int& value, int least, int most, Need need = Need::required);
  void integer(const char* key, std::optional<int>& value, int least, int most);
  /// From `least` to 2^53 - 1, the range that every JSON parser preserves.
  void big_integer(const char* key, std::int64_t& value, std::int64_t least, Need need = Need::required);
  void big_integer(const char* key, std::uint64_t& value, Need need = Need::required);
  /// An optional list of at most `most` integers, each at least 0.
  void big_integers(const char* key, std::vector<std::uint64_t>& values, std::size_t most);
  void number(const char* key, double& value, double least, double most, Need need = Need::required);
  void number(const char* key, std::optional<double>& value, double least, double most);
  /// The array or object (by `type`) with `min_size` to `max_size` members; nullptr if it is missing or invalid.
  const Json* container(const char* key, Json::value_t type, std::size_t min_size, std::size_t max_size, Need need);

  /// nullptr if it is missing, which is a problem only if it is required.
  const Json* find(const char* key, Need need);
  void problem(const std::string& key, const std::string& text) { problems_.add(path_ + key + ": " + text); }
  std::string path_of(const std::string& key) const { return path_ + key; }
  Problems& problems() { return problems_; }

 private:
  /// nullptr, and a problem for `name`, if `json` is not such a text.
  const std::string* checked(const std::string& name, const Json& json, const TextRule& rule);

  const Json& object_;
  std::string path_;
  Problems& problems_;
};

}  // namespace p2p::messages
