#include "platform/http/retry_after.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace p2p::http {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kMost = 1000 * 86'400;

/// A whole number of seconds; a fraction counts as a whole one.
std::optional<seconds> seconds_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (end == text.data() || value < 0 || !(rest.empty() || rest[0] == '.')) return std::nullopt;
  if (problem != std::errc{}) value = kMost;
  return seconds(std::clamp<std::int64_t>(value + (rest.empty() ? 0 : 1), 0, kMost));
}

std::optional<seconds> until_date(std::string_view text, Time now) {
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const std::int64_t left = date - std::chrono::floor<seconds>(now).time_since_epoch().count();
  return seconds(std::clamp<std::int64_t>(left, 0, kMost));
}

/// The longest of the times t=… and reset=… among parameters that commas and semicolons separate.
std::optional<seconds> reset_in(std::string_view text) {
  std::optional<seconds> longest;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",;"), text.size());
    const std::string_view parameter = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    for (const std::string_view name : {"t=", "reset="}) {
      if (parameter.starts_with(name)) longest = std::max(longest, seconds_in(parameter.substr(name.size())));
    }
  }
  return longest;
}

}  // namespace

std::optional<seconds> retry_after(const HttpResponse& response, Time now) {
  const std::string_view wait = trimmed(response.header("retry-after"));
  auto longest = seconds_in(wait);
  if (!longest && !wait.empty()) longest = until_date(wait, now);
  longest = std::max(longest, reset_in(response.header("ratelimit")));
  return std::max(longest, seconds_in(trimmed(response.header("ratelimit-reset"))));
}

}  // namespace p2p::http
