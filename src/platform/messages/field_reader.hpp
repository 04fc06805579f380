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

/// All that is wrong with one message.
class Problems {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  bool empty() const { return texts_.empty(); }
  /// In one line of UTF-8; of very many the first.
  std::string line() const;

 private:
  std::vector<std::string> texts_;
};

/// A text's length in bytes and its form; `form` says what `fits` takes.
struct TextRule {
  std::size_t max_bytes = 0;
  std::size_t min_bytes = 0;
  bool (*fits)(std::string_view) = nullptr;
  const char* form = "";
};

/// Reads the fields of one JSON object into variables. What is missing, of a wrong type or out of range becomes a problem that names the
/// field, and the variable stays as it was. Keeps references to the object and the problems.
class FieldReader {
 public:
  /// `path` stands before the fields' names: "", or such as "images[0].".
  FieldReader(const Json& object, std::string path, Problems& problems) : object_(object), path_(std::move(path)), problems_(problems) {}

  void text(const char* key, std::string& value, const TextRule& rule, Need need = Need::required);
  /// An optional list of at most `most` such texts.
  void texts(const char* key, std::vector<std::string>& values, const TextRule& rule, std::size_t most);
  void time(const char* key, Time& value);
  void integer(const char* key, int& value, int least, int most, Need need = Need::required);
  void integer(const char* key, std::optional<int>& value, int least, int most);
  /// From `least` to 2^53 - 1, which every JSON reader keeps.
  void big_integer(const char* key, std::int64_t& value, std::int64_t least, Need need = Need::required);
  void big_integer(const char* key, std::uint64_t& value, Need need = Need::required);
  /// An optional list of at most `most`, from 0.
  void big_integers(const char* key, std::vector<std::uint64_t>& values, std::size_t most);
  void number(const char* key, double& value, double least, double most, Need need = Need::required);
  void number(const char* key, std::optional<double>& value, double least, double most);
  /// The array or object (by `type`) of at least `min_size` and at most `max_size` members; null where it is missing or wrong.
  const Json* container(const char* key, Json::value_t type, std::size_t min_size, std::size_t max_size, Need need);

  /// Null where it is missing, which is a problem only if it is required.
  const Json* find(const char* key, Need need);
  void problem(const std::string& key, const std::string& text) { problems_.add(path_ + key + ": " + text); }
  std::string path_of(const std::string& key) const { return path_ + key; }
  Problems& problems() { return problems_; }

 private:
  /// Null, and a problem of `name`, where `json` is no such text.
  const std::string* checked(const std::string& name, const Json& json, const TextRule& rule);

  const Json& object_;
  std::string path_;
  Problems& problems_;
};

}  // namespace p2p::messages
