// Input: an update of Telegram; also parses its text as a command and its callback data, like the webhook and the bot.

#include "fuzz/check.hpp"
#include "platform/telegram/api.hpp"
#include "services/chat/conversation/command.hpp"
#include "services/chat/presenter/buttons.hpp"

using fuzz::check;
using namespace p2p;

namespace {

void check_command(std::string_view text) {
  for (const bool in_private : {false, true}) {
    const chat::Command command = chat::parse_command(text, "FoxBot", in_private);
    check(text.find(command.argument) != text.npos);
    check(command.argument.empty() || (!command.argument.starts_with(' ') && !command.argument.ends_with('\n')));
    check(in_private || command.kind == chat::Command::Kind::none || text.find_first_of("/@") != text.npos);
  }
}

void check_callback(std::string_view data) {
  const chat::Callback callback = chat::parse_callback(data);
  if (callback.kind == chat::Callback::Kind::none) return check(callback.id.empty());
  check(chat::to_data(callback.kind, callback.id) == data && data.size() <= 64);
}

void check_cut(std::string_view text) {
  for (const std::size_t units : {std::size_t{0}, std::size_t{1}, std::size_t{7}, text.size()}) {
    const std::string cut = telegram::cut_to(text, units);
    check(telegram::length_of(cut) <= units);
    Json(cut).dump();  // throws if it is not UTF-8
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  check_command(text);
  check_callback(text);
  check_cut(text);
  const auto json = telegram::parse_update(text);
  const auto update = json ? telegram::read_update(*json) : std::nullopt;
  if (update && update->message) check_command(update->message->text);
  if (update && update->callback_query) check_callback(update->callback_query->data);
  return 0;
}
