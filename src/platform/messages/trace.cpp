#include <algorithm>

#include "base/random_id.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::messages {
namespace {

/// "00-" + 32 hex + '-' + 16 hex + '-' + 2 hex
constexpr std::size_t kLength = 55;
constexpr std::size_t kTraceAt = 3, kTraceLength = 32, kSpanAt = 36, kSpanLength = 16, kFlagsAt = 53;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// All zeros mean an absent id.
bool is_hex_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos; }

bool is_traceparent(std::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return false;
  const std::string_view version = text.substr(0, 2);
  // Later versions may be longer but begin the same; ff is invalid.
  if (!is_hex(version) || version == "ff" || (text.size() > kLength && (version == "00" || text[kLength] != '-'))) return false;
  return is_hex_id(text.substr(kTraceAt, kTraceLength)) && is_hex_id(text.substr(kSpanAt, kSpanLength)) && is_hex(text.substr(kFlagsAt, 2));
}

}  // namespace

std::string new_traceparent() { return "00-" + random_hex(kTraceLength / 2) + "-" + random_hex(kSpanLength / 2) + "-01"; }

std::string child_of(std::string_view parent) {
  if (!is_traceparent(parent)) return new_traceparent();
  const bool sampled = std::string_view("13579bdf").find(parent[kFlagsAt + 1]) != std::string_view::npos;  // the only flag of version 00
  return "00-" + std::string(parent.substr(kTraceAt, kTraceLength)) + "-" + random_hex(kSpanLength / 2) + (sampled ? "-01" : "-00");
}

}  // namespace p2p::messages
