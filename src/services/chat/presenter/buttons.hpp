#pragma once

#include <string>
#include <string_view>

#include "services/chat/texts/texts.hpp"

namespace p2p::chat {

/// What a button asks for, of which request: Telegram's callback_data, at most 64 bytes.
struct Callback {
  enum class Kind { none, again, variation, larger, cancel, link };
  Kind kind = Kind::none;
  std::string id;  ///< has the form of new_id(); empty: none
};

/// What the buttons of a kind are.
struct ButtonKind {
  Callback::Kind kind;
  std::string_view data;  ///< what stands before the request's id
  std::string_view sign;  ///< before the label
  Text label;
  bool draws;              ///< the request once more
  Text accepted;           ///< to who presses it; a link says nothing
  std::string_view offer;  ///< of messages::offer, without which a picture has no such button; empty: none is needed
};

/// Throws std::out_of_range for none.
const ButtonKind& button_kind(Callback::Kind kind);

/// Such as again:01936f0e-8a6b-7c3d-9e4f-0123456789ab.
std::string to_data(Callback::Kind kind, std::string_view id);

/// What to_data() wrote; kind none for any other text.
Callback parse_callback(std::string_view data);

}  // namespace p2p::chat
