// Input: a traceparent, and text to encode and decode as base64.

#include "fuzz/check.hpp"
#include "platform/messages/base64.hpp"
#include "platform/messages/messages.hpp"

using fuzz::check;
using namespace p2p::messages;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string child = child_of(text);
  check(child.size() == 55 && child.starts_with("00-") && child.find_first_not_of("0123456789abcdef-") == std::string::npos);
  check(child.substr(36, 16) != "0000000000000000" && child.substr(3, 32).find_first_not_of('0') != std::string::npos);
  const std::string grandchild = child_of(child);
  check(grandchild.substr(0, 36) == child.substr(0, 36) && grandchild.substr(52) == child.substr(52));

  check(from_base64(to_base64(text)) == text);
  if (const auto bytes = from_base64(text)) check(to_base64(*bytes) == text);
  return 0;
}
