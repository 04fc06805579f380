// p2p_decode request|event|control|dead_letter|model: reads messages from stdin, each after a line with its length in bytes, and prints a
// line for each: ok, or its problems. Used by tests/service/test_messages.py.

#include <iostream>
#include <map>
#include <string>

#include "platform/messages/messages.hpp"

using namespace p2p::messages;

namespace {

template <auto kDecode>
std::string verdict(std::string_view text) {
  const auto message = kDecode(text);
  return message ? "ok" : message.error();
}

}  // namespace

int main(int count, char** words) {
  const std::map<std::string, std::string (*)(std::string_view)> kinds{{"request", verdict<decode_request>},
                                                                       {"event", verdict<decode_event>},
                                                                       {"control", verdict<decode_control>},
                                                                       {"dead_letter", verdict<decode_dead_letter>},
                                                                       {"model", verdict<decode_model>}};
  const auto kind = kinds.find(count == 2 ? words[1] : "");
  if (kind == kinds.end()) return 2;
  for (std::string line; std::getline(std::cin, line);) {
    std::string text(std::stoul(line), '\0');
    if (!std::cin.read(text.data(), static_cast<std::streamsize>(text.size()))) return 1;
    std::cout << kind->second(text) << '\n';
  }
  return 0;
}
