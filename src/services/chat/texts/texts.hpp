#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/telegram/api.hpp"

/// Everything the bot says, in Russian and English. Plain text: nothing that is put in is ever read as markup.
namespace p2p::chat {

enum class Language { en, ru };

/// By Telegram's language_code; people of the languages of Russia and its neighbours, whose speakers mostly read it, get Russian.
Language language_of(std::string_view language_code);

enum class Text {
  start,
  help,
  usage,
  example,
  unknown_command,
  only_text,
  too_long,  ///< {0}: bytes, {1}: most bytes
  not_allowed,
  queue_full,  ///< {0}: requests that one may have waiting
  day_full,    ///< {0}: requests a day; {1}: until there are more
  nothing_to_cancel,
  cancelling_all,
  queue_empty,
  queue_mine,    ///< {0}: a list; {1}: requests of all
  queue_others,  ///< {0}: requests of all
  accepted,
  waiting,      ///< {0}: position
  waiting_eta,  ///< {0}: position; {1}: time
  starting,
  drawing,      ///< {0}: bar; {1}: percent
  drawing_eta,  ///< {0}: bar; {1}: percent; {2}: time
  storing,
  storing_slow,
  workers_away,
  queue_away,
  cancelling,
  cancelled,
  ready,
  original,
  picture_gone,
  no_rights,
  refused,     ///< {0}: Telegram's words
  here_it_is,  ///< after one of the two before; {0}: link
  press_again,
  original_gone,
  original_no_rights,
  original_refused,  ///< {0}: Telegram's words
  cannot_do,         ///< {0}: detail
  no_worker,
  killed_worker,
  unreadable,
  drawing_failed,
  withheld,
  drawing_too_long,
  storing_failed,
  input_missing,
  not_yours,
  out_of_date,
  again_accepted,
  variation_accepted,
  larger_accepted,
  privacy,       ///< {0}: how long pictures are kept; {1}: privacy_contact or nothing
  privacy_days,  ///< {0}: days
  privacy_forever,
  privacy_contact,  ///< {0}: who answers
  forget_asked,
  forgotten,          ///< {0}: requests
  forgotten_in_part,  ///< {0}: requests
  button_original,
  button_again,
  button_variation,
  button_larger,
  button_cancel,
  button_new_link,
  command_txt2img,
  command_queue,
  command_cancel,
  command_help,
};

/// The text with {0}, {1}, ... replaced.
std::string say(Language language, Text text, const std::vector<std::string>& values = {});

/// "3 запроса", "1 request".
std::string count_requests(Language language, int count);
/// "1 day", "2 дня", "30 дней"
std::string count_days(Language language, int count);
/// "1 step", "2 шага"
std::string count_steps(Language language, int count);
/// About how long: "10 с", "2 мин", "1 ч 5 мин".
std::string duration(Language language, std::chrono::milliseconds time);
/// "▓▓▓░░░░░░░"
std::string bar(double fraction);

/// For Telegram's menu.
std::vector<telegram::Command> commands(Language language);

}  // namespace p2p::chat
