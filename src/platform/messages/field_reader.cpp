#include "platform/messages/field_reader.hpp"

#include <algorithm>
#include <cmath>

namespace p2p::messages {
namespace {

constexpr std::int64_t kMaxInteger = (std::int64_t{1} << 53) - 1;

std::string item(const char* list, std::size_t i) { return std::string(list) + "[" + std::to_string(i) + "]"; }

std::string found(const Json& value) { return ", found " + excerpt(value); }

template <typename Number>
std::string range(Number least, Number most) {
  return Json(least).dump() + " to " + Json(most).dump();
}

/// The integer, or nullopt if `json` is not one from `least` to `most` (at most kMaxInteger). 7.0 is an integer, as in JSON Schema.
std::optional<std::int64_t> integer_in(const Json& json, std::int64_t least, std::int64_t most) {
  if (!json.is_number()) return std::nullopt;
  const double number = json.get<double>();  // exact in this range
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) || std::trunc(number) != number) return std::nullopt;
  return json.is_number_float() ? static_cast<std::int64_t>(number) : json.get<std::int64_t>();
}

}  // namespace

std::string Problems::line() const {
  constexpr std::size_t kMost = 8;
  std::string line;
  for (std::size_t i = 0; i < std::min(texts_.size(), kMost); ++i) line += (i == 0 ? "" : "; ") + texts_[i];
  if (texts_.size() > kMost) line += "; and " + std::to_string(texts_.size() - kMost) + " more";
  return line;
}

const Json* FieldReader::find(const char* key, Need need) {
  if (const auto member = object_.find(key); member != object_.end()) return &*member;
  if (need == Need::required) problem(key, "is missing");
  return nullptr;
}

const std::string* FieldReader::checked(const std::string& name, const Json& json, const TextRule& rule) {
  const auto wrong = [&](const std::string& text) {
    problem(name, text);
    return nullptr;
  };
  if (!json.is_string()) return wrong("expected a text" + found(json));
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() < rule.min_bytes || text.size() > rule.max_bytes) {
    return wrong("expected " + range(rule.min_bytes, rule.max_bytes) + " bytes, found " + std::to_string(text.size()));
  }
  // Databases and C libraries would truncate the text there.
  if (text.find('\0') != std::string::npos) return wrong("holds a zero byte");
  if (rule.fits && !rule.fits(text)) return wrong(std::string("expected ") + rule.form + found(json));
  return &text;
}

void FieldReader::text(const char* key, std::string& value, const TextRule& rule, Need need) {
  const Json* const json = find(key, need);
  const std::string* const text = json ? checked(key, *json, rule) : nullptr;
  if (text) value = *text;
}

void FieldReader::texts(const char* key, std::vector<std::string>& values, const TextRule& rule, std::size_t most) {
  const Json* const list = container(key, Json::value_t::array, 0, most, Need::optional);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    const std::string* const text = checked(item(key, i), (*list)[i], rule);
    if (text) values.push_back(*text);
  }
}

void FieldReader::time(const char* key, Time& value) {
  const Json* const json = find(key, Need::required);
  if (!json) return;
  const auto time = json->is_string() ? parse_time(json->get_ref<const std::string&>()) : std::nullopt;
  if (!time) return problem(key, "expected a time in UTC such as 2026-11-24T04:00:50.123Z" + found(*json));
  value = *time;
}

void FieldReader::integer(const char* key, int& value, int least, int most, Need need) {
  if (!find(key, need)) return;
  std::optional<int> integer = value;
  this->integer(key, integer, least, most);
  value = *integer;
}

void FieldReader::integer(const char* key, std::optional<int>& value, int least, int most) {
  const Json* const json = find(key, Need::optional);
  if (!json) return;
  const auto integer = integer_in(*json, least, most);
  if (!integer) return problem(key, "expected an integer, " + range(least, most) + found(*json));
  value = static_cast<int>(*integer);
}

void FieldReader::big_integer(const char* key, std::int64_t& value, std::int64_t least, Need need) {
  const Json* const json = find(key, need);
  if (!json) return;
  const auto integer = integer_in(*json, least, kMaxInteger);
  if (!integer) return problem(key, "expected an integer, " + range(least, kMaxInteger) + found(*json));
  value = *integer;
}

void FieldReader::big_integer(const char* key, std::uint64_t& value, Need need) {
  auto integer = static_cast<std::int64_t>(value);
  big_integer(key, integer, 0, need);
  value = static_cast<std::uint64_t>(integer);
}

void FieldReader::big_integers(const char* key, std::vector<std::uint64_t>& values, std::size_t most) {
  const Json* const list = container(key, Json::value_t::array, 0, most, Need::optional);
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    const auto integer = integer_in((*list)[i], 0, kMaxInteger);
    if (integer) {
      values.push_back(static_cast<std::uint64_t>(*integer));
    } else {
      problem(item(key, i), "expected an integer, " + range(std::int64_t{0}, kMaxInteger) + found((*list)[i]));
    }
  }
}

void FieldReader::number(const char* key, double& value, double least, double most, Need need) {
  if (!find(key, need)) return;
  std::optional<double> number = value;
  this->number(key, number, least, most);
  value = *number;
}

void FieldReader::number(const char* key, std::optional<double>& value, double least, double most) {
  const Json* const json = find(key, Need::optional);
  if (!json) return;
  const double number = json->is_number() ? json->get<double>() : least;
  if (!json->is_number() || !(number >= least && number <= most)) {
    return problem(key, "expected a number, " + range(least, most) + found(*json));
  }
  value = number;
}

const Json* FieldReader::container(const char* key, Json::value_t type, std::size_t min_size, std::size_t max_size, Need need) {
  const Json* const json = find(key, need);
  if (!json) return nullptr;
  if (json->type() != type || json->size() < min_size || json->size() > max_size) {
    problem(key, std::string("expected ") + (type == Json::value_t::array ? "a list" : "an object") + " of " + range(min_size, max_size) +
                     " members" + found(*json));
    return nullptr;
  }
  return json;
}

}  // namespace p2p::messages
