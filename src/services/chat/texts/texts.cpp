#include "services/chat/texts/texts.hpp"

#include <algorithm>
#include <array>

#include "base/sentence.hpp"
#include "base/text.hpp"

namespace p2p::chat {
namespace {

struct Pair {
  Text text;
  std::string_view en;
  std::string_view ru;
};

constexpr std::array kTexts{
    Pair{Text::start,
         "Hi! I draw pictures from words.\n\nWrite what you would like to see, for example:\n{0}\n\nIn groups: "
         "/txt2img {0}\nEverything I can do: /help",
         "Привет! Я рисую картинки по описанию.\n\nНапишите, что вы хотите увидеть, например:\n{0}\n\nВ группах: /txt2img "
         "{0}\nВсё, что я умею: /help"},
    Pair{Text::help,
         "/txt2img DESCRIPTION — draw a picture\n/queue — your requests and how long they take\n/cancel — cancel the last request; /cancel "
         "all — all of them\n/privacy — what I keep about you; /forget — delete it\n\n"
         "In a private chat just write what to draw. Under each picture there are buttons: Original, Again and, if the model can, "
         "Variation and Larger.",
         "/txt2img ОПИСАНИЕ — нарисовать картинку\n/queue — ваши запросы и сколько им ещё ждать\n/cancel — отменить последний запрос; "
         "/cancel "
         "все — отменить все\n/privacy — что я о вас храню; /forget — удалить это\n\n"
         "В личном чате просто напишите, что нарисовать. Под картинкой кнопки: «Оригинал», «Ещё раз», а если модель умеет — «Похожая» и "
         "«Крупнее»."},
    Pair{Text::usage, "Write what to draw after the command, for example:\n/txt2img {0}",
         "Напишите после команды, что нарисовать, например:\n/txt2img {0}"},
    Pair{Text::example, "a fox on a blue background", "лиса на синем фоне"},
    Pair{Text::unknown_command, "I do not know this command. What I can do: /help", "Такой команды я не знаю. Что я умею: /help"},
    Pair{Text::only_text, "I read text only. Write in words what to draw.", "Я понимаю только текст. Напишите словами, что нарисовать."},
    Pair{Text::too_long, "That is too long: {0} bytes, and at most {1} are possible.", "Слишком длинно: {0} байт, а можно не больше {1}."},
    Pair{Text::not_allowed, "Sorry, this bot does not draw for you. Ask its owner for access.",
         "К сожалению, у вас нет доступа к этому боту. Попросите доступ у владельца."},
    Pair{Text::queue_full, "You already have {0} waiting. Wait until some are ready, or cancel: /cancel",
         "В очереди уже {0} — это предел. Подождите, пока что-то нарисуется, или отмените: /cancel"},
    Pair{Text::day_full, "That was all for today: {0} a day. More in {1}.", "Лимит на сегодня — {0}. Обновится через {1}."},
    Pair{Text::nothing_to_cancel, "You have nothing to cancel.", "Отменять нечего."},
    Pair{Text::cancelling_all, "Cancelling: {0}.", "Отменяю: {0}."},
    Pair{Text::queue_empty, "Nothing of yours is waiting, and nobody else's either.", "Очередь пуста — можно рисовать!"},
    Pair{Text::queue_mine, "Yours:\n{0}\nIn the queue altogether: {1}", "Ваши запросы:\n{0}\nВсего в очереди: {1}"},
    Pair{Text::queue_others, "Nothing of yours is waiting. In the queue altogether: {0}",
         "Ваших запросов в очереди нет. Всего в очереди: {0}"},
    Pair{Text::accepted, "Accepted, finding a free artist…", "Принято, ищу свободного художника…"},
    Pair{Text::waiting, "In the queue: number {0}", "Вы в очереди: {0}-е место"},
    Pair{Text::waiting_eta, "In the queue: number {0}, about {1}", "Вы в очереди: {0}-е место, ещё примерно {1}"},
    Pair{Text::starting, "Starting to draw…", "Начинаю рисовать…"},
    Pair{Text::drawing, "Drawing {0} {1} %", "Рисую {0} {1} %"},
    Pair{Text::drawing_eta, "Drawing {0} {1} %, {2} left", "Рисую {0} {1} %, осталось {2}"},
    Pair{Text::storing, "Drawn, here it comes…", "Готово, отправляю…"},
    Pair{Text::storing_slow, "The picture is drawn, but the storage is slow. It is not lost: I go on trying.",
         "Картинка нарисована, но хранилище отвечает медленно. Она не пропадёт, пробую ещё."},
    Pair{Text::workers_away, "The artists are away at the moment. Your request is kept and will be drawn when they are back.",
         "Художники отошли. Запрос сохранён: нарисую, как только вернутся."},
    Pair{Text::queue_away, "The queue is not reachable at the moment. Your request is kept, I go on trying.",
         "Очередь сейчас недоступна. Ваш запрос сохранён, отправлю его, как только она заработает."},
    Pair{Text::cancelling, "Cancelling…", "Отменяю…"},
    Pair{Text::cancelled, "Cancelled.", "Отменено."},
    Pair{Text::ready, "Your picture is ready ☝", "Ваша картинка готова ☝"},
    Pair{Text::original, "The original as a file…", "Отправляю оригинал файлом…"},
    Pair{Text::picture_gone, "The picture is no longer in the storage. Press the button to draw it again.",
         "Картинки больше нет в хранилище. Нажмите кнопку, чтобы нарисовать снова."},
    Pair{Text::no_rights, "The picture is drawn, but I have no rights to send pictures here: ask an administrator to allow it.",
         "Картинка нарисована, но у меня нет права отправлять сюда картинки: попросите администратора разрешить это."},
    Pair{Text::refused, "The picture is drawn, but Telegram did not accept it ({0}).",
         "Картинка нарисована, но Telegram её не принял ({0})."},
    Pair{Text::here_it_is, "Here it is: {0}", "Ссылка: {0}"},
    Pair{Text::press_again, "The button draws it again.", "Кнопка нарисует её ещё раз."},
    Pair{Text::original_gone, "The original is no longer in the storage.", "Оригинала больше нет в хранилище."},
    Pair{Text::original_no_rights, "I have no rights to send files here, so there is no original: ask an administrator to allow it.",
         "У меня нет права отправлять сюда файлы, поэтому оригинала не будет: попросите администратора разрешить это."},
    Pair{Text::original_refused, "Telegram did not accept the original as a file ({0}).", "Telegram не принял оригинал файлом ({0})."},
    Pair{Text::cannot_do, "This cannot be drawn: {0}", "Такое нарисовать нельзя: {0}"},
    Pair{Text::no_worker, "Nobody here can draw with this model now. Try again later.",
         "Сейчас некому рисовать этой моделью. Попробуйте позже."},
    Pair{Text::killed_worker, "Drawing this broke down twice, so I do not try a third time. Try other words.",
         "На этом запросе рисование дважды сорвалось, третий раз не пробую. Опишите иначе."},
    Pair{Text::unreadable, "The request got damaged on its way. Please try again.",
         "Запрос повредился по дороге. Попробуйте, пожалуйста, ещё раз."},
    Pair{Text::drawing_failed, "It did not work out. Try again, or use other words.",
         "Не получилось. Попробуйте ещё раз или другими словами."},
    Pair{Text::withheld, "The safety checker withheld this picture. Try other words.",
         "Проверка безопасности не пропустила эту картинку. Попробуйте другие слова."},
    Pair{Text::drawing_too_long, "Drawing this takes too long, so I stopped. Please try again, or use other words.",
         "Рисование затянулось, и я его остановил. Попробуйте ещё раз или другими словами."},
    Pair{Text::storing_failed, "The picture was drawn, but could not be stored. Please try again later.",
         "Картинка нарисована, но сохранить её не удалось. Попробуйте позже."},
    Pair{Text::input_missing, "The picture to begin with is no longer in the storage. Send it again.",
         "Исходной картинки больше нет в хранилище. Отправьте её ещё раз."},
    Pair{Text::not_yours, "This button is for the one who asked.", "Эта кнопка — для автора запроса."},
    Pair{Text::out_of_date, "This button is out of date.", "Эта кнопка устарела."},
    Pair{Text::again_accepted, "Drawing it again", "Рисую ещё раз"},
    Pair{Text::variation_accepted, "Drawing a variation", "Рисую похожую"},
    Pair{Text::larger_accepted, "Drawing it larger", "Рисую крупнее"},
    Pair{Text::privacy,
         "I keep your Telegram id, the requests that you send me, and the pictures, to draw them and to show them to you. Nobody else "
         "gets them.\n\nPictures: {0}. Requests are forgotten after 30 days, the journal of the queue after a week.\n\nTo delete "
         "everything now: /forget{1}",
         "Я храню ваш идентификатор в Telegram, ваши запросы и картинки, чтобы рисовать их и показывать вам. Больше они никому не "
         "передаются.\n\nКартинки: {0}. Запросы забываются через 30 дней, журнал очереди — через неделю.\n\nУдалить всё прямо "
         "сейчас: /forget{1}"},
    Pair{Text::privacy_days, "deleted after {0}", "хранятся {0}, потом удаляются"},
    Pair{Text::privacy_forever, "kept until you delete them", "хранятся, пока вы их не удалите"},
    Pair{Text::privacy_contact, "\n\nQuestions about personal data: {0}", "\n\nВопросы о персональных данных: {0}"},
    Pair{Text::forget_asked,
         "This deletes all your requests and pictures for good. Messages in chats stay: delete those yourself. If you are sure, send\n"
         "/forget yes",
         "Все ваши запросы и картинки будут удалены безвозвратно. Сообщения в чатах останутся: их можно удалить самостоятельно. Если вы "
         "уверены, отправьте\n/forget да"},
    Pair{Text::forgotten, "Deleted: {0}. The pictures are being deleted.", "Удалено: {0}. Картинки удаляются."},
    Pair{Text::forgotten_in_part,
         "Deleted: {0}. The pictures are being deleted. What was not ready is cancelled: send /forget yes once more in a minute.",
         "Удалено: {0}. Картинки удаляются. Всё, что не было готово, отменено: через минуту отправьте /forget да ещё раз."},
    Pair{Text::button_original, "Original", "Оригинал"},
    Pair{Text::button_again, "Again", "Ещё раз"},
    Pair{Text::button_variation, "Variation", "Похожая"},
    Pair{Text::button_larger, "Larger", "Крупнее"},
    Pair{Text::button_cancel, "Cancel", "Отменить"},
    Pair{Text::button_new_link, "New link", "Новая ссылка"},
    Pair{Text::command_txt2img, "Draw a picture from words", "Нарисовать картинку по описанию"},
    Pair{Text::command_queue, "My requests and the queue", "Мои запросы и очередь"},
    Pair{Text::command_cancel, "Cancel the last request", "Отменить последний запрос"},
    Pair{Text::command_help, "What I can do", "Что я умею"},
};

}  // namespace

Language language_of(std::string_view language_code) {
  constexpr std::array<std::string_view, 4> kRussian{"ru", "be", "kk", "ky"};
  const std::string language = to_lower(language_code.substr(0, language_code.find_first_of("-_")));
  return std::ranges::find(kRussian, language) == kRussian.end() ? Language::en : Language::ru;
}

std::string say(Language language, Text text, const std::vector<std::string>& values) {
  const auto* const pair = std::ranges::find(kTexts, text, &Pair::text);
  return fill(language == Language::ru ? pair->ru : pair->en, values);
}

namespace {

/// The count with the word for one (in Russian also for 21), a few (in Russian 2 to 4, 22) or many.
std::string counted(Language language, int count, std::string_view one, std::string_view few, std::string_view many) {
  const int last = count % 10;
  const int last_two = count % 100;
  const bool ru = language == Language::ru;
  const bool is_one = ru ? last == 1 && last_two != 11 : count == 1;
  const bool is_few = ru && last >= 2 && last <= 4 && (last_two < 12 || last_two > 14);
  return std::to_string(count) + " " + std::string(is_one ? one : is_few ? few : many);
}

}  // namespace

std::string count_requests(Language language, int count) {
  return language == Language::en ? counted(language, count, "request", "requests", "requests")
                                  : counted(language, count, "запрос", "запроса", "запросов");
}

std::string count_days(Language language, int count) {
  return language == Language::en ? counted(language, count, "day", "days", "days") : counted(language, count, "день", "дня", "дней");
}

std::string count_steps(Language language, int count) {
  return language == Language::en ? counted(language, count, "step", "steps", "steps") : counted(language, count, "шаг", "шага", "шагов");
}

std::string duration(Language language, std::chrono::milliseconds time) {
  const bool ru = language == Language::ru;
  const auto seconds = std::max<std::int64_t>(1, (time.count() + 999) / 1000);
  if (seconds < 10) return std::to_string(seconds) + (ru ? " с" : " s");
  if (seconds < 60) return std::to_string((seconds + 4) / 5 * 5) + (ru ? " с" : " s");
  const auto minutes = (seconds + 30) / 60;
  if (minutes < 60) return std::to_string(minutes) + (ru ? " мин" : " min");
  const std::string hours = std::to_string(minutes / 60) + (ru ? " ч" : " h");
  return minutes % 60 == 0 ? hours : hours + " " + std::to_string(minutes % 60) + (ru ? " мин" : " min");
}

std::string bar(double fraction) {
  constexpr int kCells = 10;
  const int full = std::clamp(static_cast<int>(fraction * kCells), 0, kCells);
  std::string text;
  for (int i = 0; i < kCells; ++i) text += i < full ? "▓" : "░";
  return text;
}

std::vector<telegram::Command> commands(Language language) {
  return {{"txt2img", say(language, Text::command_txt2img)},
          {"queue", say(language, Text::command_queue)},
          {"cancel", say(language, Text::command_cancel)},
          {"help", say(language, Text::command_help)}};
}

}  // namespace p2p::chat
