// Names and keys shared by the messages, and the rules for names.

#include <algorithm>
#include <array>
#include <utility>

#include "platform/messages/messages.hpp"
#include "platform/messages/rules.hpp"

namespace p2p::messages {
namespace {

constexpr std::string_view kRequestsPrefix = "prompt2pic.requests.";
constexpr std::string_view kImages = "images/";
constexpr std::string_view kInputs = "inputs/";
constexpr std::string_view kPreviews = "previews/";
constexpr std::string_view kDatePattern = "dddd/dd/dd/";

/// The formats of pictures, and how their keys end.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFormats{
    {{output_format::kPng, ".png"}, {output_format::kJpeg, ".jpg"}, {output_format::kWebp, ".webp"}}};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// FOLDER/YYYY/MM/DD/
std::string dated(std::string_view folder, Time time) {
  std::string day = to_text(time).substr(0, 10);
  std::ranges::replace(day, '-', '/');
  return std::string(folder) + day + "/";
}

/// Removes such a beginning; false if there is none.
bool remove_dated(std::string_view folder, std::string_view& key) {
  if (!key.starts_with(folder) || key.size() < folder.size() + kDatePattern.size()) return false;
  key.remove_prefix(folder.size());
  const auto fits = [](char c, char pattern) { return pattern == 'd' ? is_digit(c) : c == pattern; };
  if (!std::ranges::equal(key.substr(0, kDatePattern.size()), kDatePattern, fits)) return false;
  key.remove_prefix(kDatePattern.size());
  return true;
}

}  // namespace

bool is_model(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

bool is_output_format(std::string_view text) {
  return std::ranges::any_of(kFormats, [&](const auto& format) { return text == format.first; });
}

bool is_request_id(std::string_view text) {
  const auto allowed = [](char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= kMaxName && text.front() != '.' && std::ranges::all_of(text, allowed);
}

bool is_owner(std::string_view text) {
  constexpr std::size_t kMaxDoor = 16;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return is_request_id(text);
  const std::string_view door = text.substr(0, colon);
  return !door.empty() && door.size() <= kMaxDoor && std::ranges::all_of(door, is_lower) && is_request_id(text.substr(colon + 1));
}

std::string requests_topic(std::string_view model) { return std::string(kRequestsPrefix).append(model); }

std::string_view model_of(std::string_view requests_topic) {
  if (!requests_topic.starts_with(kRequestsPrefix)) return {};
  const std::string_view model = requests_topic.substr(kRequestsPrefix.size());
  return is_model(model) ? model : std::string_view();
}

std::uint64_t seed_of(const Request& request, int n) {
  constexpr std::uint64_t kSeeds = std::uint64_t{1} << 53u;
  return (request.seed + static_cast<std::uint64_t>(n - 1)) % kSeeds;
}

std::string image_key(const std::string& id, Time time, int n, std::string_view format) {
  std::string key = dated(kImages, time) + id + "-" + std::to_string(n);
  for (const auto& [word, ending] : kFormats) {
    if (word == format) key += ending;
  }
  return key;
}

std::string_view format_of(std::string_view key) {
  for (const auto& [word, ending] : kFormats) {
    if (key.ends_with(ending)) return word;
  }
  return {};
}

bool is_image_key(std::string_view key) {
  if (!remove_dated(kImages, key) || format_of(key).empty()) return false;
  key = key.substr(0, key.rfind('.'));
  const auto dash = key.rfind('-');
  if (dash == std::string_view::npos) return false;
  const std::string_view number = key.substr(dash + 1);
  return is_request_id(key.substr(0, dash)) && !number.empty() && number.size() <= 4 && number.front() != '0' &&
         std::ranges::all_of(number, is_digit);
}

std::string input_key(const std::string& id, Time time, std::string_view extension) {
  return dated(kInputs, time) + id + "." + std::string(extension);
}

bool is_input_key(std::string_view key) {
  if (!remove_dated(kInputs, key)) return false;
  for (const std::string_view ending : {".png", ".jpeg", ".webp"}) {
    if (key.ends_with(ending)) return is_request_id(key.substr(0, key.size() - ending.size()));
  }
  return false;
}

std::string preview_key(const std::string& id, Time time) { return dated(kPreviews, time) + id + ".png"; }

bool is_preview_key(std::string_view key) {
  return remove_dated(kPreviews, key) && key.ends_with(".png") && is_request_id(key.substr(0, key.rfind('.')));
}

}  // namespace p2p::messages
