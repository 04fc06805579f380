#pragma once

#include <string>
#include <string_view>

namespace p2p::chat {

/// What a text message asks for.
struct Command {
  enum class Kind { none, start, help, txt2img, queue, cancel, privacy, forget, unknown };
  Kind kind = Kind::none;
  std::string argument;  ///< without white space around it
};

/// `username` is the bot's: commands for other bots are none. Plain text asks for a picture where it is meant for the bot: in a private
/// chat, as a reply to it (`is_addressed`), or with its name before or behind; elsewhere for nothing.
Command parse_command(std::string_view text, std::string_view username, bool is_addressed);

}  // namespace p2p::chat
