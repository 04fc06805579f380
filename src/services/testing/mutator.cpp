#include "services/testing/mutator.hpp"

#include <array>
#include <sstream>

namespace p2p::testing {
namespace {

/// The pointers to all values inside `json`.
std::vector<Json::json_pointer> pointers_in(const Json& json) {
  std::vector<Json::json_pointer> pointers;
  const Json flat = json.flatten();
  for (const auto& [path, value] : flat.items()) {
    for (Json::json_pointer pointer(path); !pointer.empty(); pointer.pop_back()) pointers.push_back(pointer);
  }
  return pointers;
}

Json deep(int levels) {
  Json json = Json::array();
  for (int i = 0; i < levels; ++i) json = Json::array({std::move(json)});
  return json;
}

const std::vector<Json>& odd_values() {
  static const std::vector<Json> kValues{nullptr,
                                         true,
                                         false,
                                         0,
                                         1,
                                         -1,
                                         0.5,
                                         1e308,
                                         -1e308,
                                         INT64_MIN,
                                         INT64_MAX,
                                         UINT64_MAX,
                                         9007199254740992u,
                                         2147483648u,
                                         "",
                                         " ",
                                         "/",
                                         "/txt2img",
                                         "/cancel all",
                                         "../../etc/passwd",
                                         std::string("a\0b", 3),
                                         "\xf0\x9f\x98\x80\xd6\xb8\xe2\x80\xae",
                                         "{0} %s <b>*_`[](",
                                         std::string(5000, 'x'),
                                         std::string(20'000, '\n'),
                                         Json::array(),
                                         Json::object(),
                                         Json::array({1, "x", nullptr}),
                                         Json::object({{"id", "x"}}),
                                         deep(20),
                                         deep(500)};
  return kValues;
}

}  // namespace

std::string Mutator::bytes(std::string text) {
  for (auto count = below(4) + 1; count > 0 && !text.empty(); --count) {
    const std::size_t at = below(text.size());
    const std::size_t length = std::min(below(8) + 1, text.size() - at);
    switch (below(8)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.insert(at, 1, static_cast<char>(random_()));
        break;
      case 3:
        text[at] = "\"{}[]:,0-9e.\\u/ "[below(17)];
        break;
      case 4:
        text.erase(below(20) == 0 ? at : text.size());
        break;
      default:
        text[at] = static_cast<char>(random_());
    }
  }
  return text;
}

std::string Mutator::values(Json json) {
  for (auto count = below(3) + 1; count > 0; --count) {
    const auto all = pointers_in(json);
    if (all.empty()) break;
    const Json::json_pointer& pointer = all[below(all.size())];
    Json& parent = json[pointer.parent_pointer()];
    const Json& odd = odd_values()[below(odd_values().size())];
    if (parent.is_object() && below(2) == 0) {
      parent["of_the_future"] = odd;
    } else if (parent.is_object() && below(4) == 0) {
      parent.erase(pointer.back());
    } else {
      json[pointer] = odd;
    }
  }
  return json.dump(-1, ' ', below(2) == 0, Json::error_handler_t::replace);
}

std::string Mutator::any(const Json& json) {
  switch (below(3)) {
    case 0:
      return bytes(json.dump());
    case 1:
      return values(json);
    default:
      return below(4) == 0 ? bytes(values(json)) : values(json);
  }
}

bus::Headers Mutator::headers(const bus::Headers& headers) {
  bus::Headers result;
  for (const auto& [name, value] : headers) {
    switch (below(6)) {
      case 0:
        break;
      case 1:
        result.insert(result.end(), {{name, bytes(value)}, {name, value}});
        break;
      case 2:
        result.emplace_back(bytes(name), value);
        break;
      case 3:
        result.emplace_back(name, value);
        break;
      default:
        result.emplace_back(name, bytes(value));
    }
  }
  if (below(8) == 0) result.emplace_back("traceparent", std::string(below(20'000), '\xff'));
  return result;
}

std::string Mutator::id() {
  std::string id = "01936f0e-0000-7000-8000-000000000000";
  for (std::size_t i = 9; i < id.size(); ++i) {
    if (id[i] == '0') id[i] = "0123456789abcdef"[below(16)];
  }
  return id;
}

double sum_of(const std::string& metrics, const std::string& name, const std::string& label) {
  double sum = 0;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    const bool is_its = line.starts_with(name) && line.size() > name.size() && (line[name.size()] == '{' || line[name.size()] == ' ');
    if (is_its && line.find(label) != std::string::npos) sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

}  // namespace p2p::testing
