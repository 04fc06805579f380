#pragma once

#include <string>
#include <string_view>

namespace p2p::bot {

/// What a button asks for, of which request: Telegram's callback_data, at most 64 bytes.
struct Callback {
  enum class Kind { none, again, variation, larger, cancel, link };
  Kind kind = Kind::none;
  std::string id;  ///< has the form of new_id(); empty: none
};

/// Such as again:01936f0e-8a6b-7c3d-9e4f-0123456789ab.
std::string to_data(Callback::Kind kind, std::string_view id);

/// What to_data() wrote; kind none for any other text.
Callback parse_callback(std::string_view data);

}  // namespace p2p::bot
