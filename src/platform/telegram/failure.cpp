#include "platform/telegram/failure.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace p2p::telegram {
namespace {

struct Rule {
  std::string_view words;  ///< lower case, anywhere in the description
  Failure::Kind kind;
};

// Telegram has no specific error codes, so errors are recognised by their descriptions, here those of tdlib/telegram-bot-api.
constexpr std::array kRules{
    Rule{"message is not modified", Failure::Kind::not_modified},
    Rule{"message to edit not found", Failure::Kind::message_gone},
    Rule{"message can't be edited", Failure::Kind::message_gone},
    Rule{"message_id_invalid", Failure::Kind::message_gone},
    Rule{"message identifier is not specified", Failure::Kind::message_gone},
    Rule{"message_author_required", Failure::Kind::message_gone},
    Rule{"message_edit_time_expired", Failure::Kind::message_gone},
    Rule{"no text in the message", Failure::Kind::has_media},
    Rule{"to be replied not found", Failure::Kind::reply_gone},
    Rule{"replied message not found", Failure::Kind::reply_gone},
    Rule{"reply message not found", Failure::Kind::reply_gone},
    Rule{"message to reply not found", Failure::Kind::reply_gone},
    Rule{"reply_message_id_invalid", Failure::Kind::reply_gone},
    Rule{"thread not found", Failure::Kind::topic_gone},
    Rule{"topic_deleted", Failure::Kind::topic_gone},
    Rule{"topic_closed", Failure::Kind::topic_gone},
    Rule{"topic_id_invalid", Failure::Kind::topic_gone},
    Rule{"button url", Failure::Kind::bad_link},
    Rule{"button_url_invalid", Failure::Kind::bad_link},
    Rule{"query is too old", Failure::Kind::too_late},
    Rule{"query id is invalid", Failure::Kind::too_late},
    Rule{"query_id_invalid", Failure::Kind::too_late},
    Rule{"chat not found", Failure::Kind::chat_gone},
    Rule{"peer_id_invalid", Failure::Kind::chat_gone},
    Rule{"group chat was deleted", Failure::Kind::chat_gone},
    Rule{"group is deactivated", Failure::Kind::chat_gone},
    Rule{"rights to send text", Failure::Kind::forbidden},
    Rule{"chat_send_plain", Failure::Kind::forbidden},
    Rule{"have no rights to send", Failure::Kind::forbidden},
    Rule{"have no write access", Failure::Kind::forbidden},
    Rule{"not enough rights to send", Failure::Kind::no_rights},
    Rule{"chat_send_", Failure::Kind::no_rights},
    Rule{"need administrator rights", Failure::Kind::forbidden},
    Rule{"chat_write_forbidden", Failure::Kind::forbidden},
    Rule{"chat_restricted", Failure::Kind::forbidden},
};

/// An integer member of `json`; 0 if there is none.
std::int64_t integer_or_zero(const Json& json, const char* key) {
  if (!json.is_object()) return 0;
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

Failure failure_of(int status, const Json& json) {
  Failure failure;
  if (!json.is_object() || !json.contains("description") || !json["description"].is_string()) {
    failure.text = "Telegram answered status " + std::to_string(status) + " without a description";
    if (status == 413) failure.kind = Failure::Kind::bad_request;  // a proxy that refuses files of this size
    return failure;
  }
  failure.text = cut_to(json["description"].get<std::string>(), 300);
  const std::int64_t given = integer_or_zero(json, "error_code");
  const std::int64_t code = given != 0 ? given : status;
  const Json parameters = json.value("parameters", Json::object());
  const std::string words = to_lower(failure.text);
  const auto* const rule = std::ranges::find_if(kRules, [&](const Rule& each) { return words.find(each.words) != std::string::npos; });

  if (code == 429) {
    failure.kind = Failure::Kind::flood;
    failure.retry_after = std::chrono::seconds(std::clamp<std::int64_t>(integer_or_zero(parameters, "retry_after"), 1, 3600));
  } else if (code >= 500) {
    failure.kind = Failure::Kind::unreachable;
  } else if (failure.migrate_to = integer_or_zero(parameters, "migrate_to_chat_id"); failure.migrate_to != 0) {
    failure.kind = Failure::Kind::migrated;
  } else if (code == 401 || (code == 404 && words == "not found")) {  // 404: the token is malformed
    failure.kind = Failure::Kind::unauthorized;
  } else if (code == 409) {
    failure.kind = Failure::Kind::conflict;
  } else if (rule != kRules.end()) {
    failure.kind = rule->kind;
  } else {
    failure.kind = code == 403 ? Failure::Kind::forbidden : Failure::Kind::bad_request;
  }
  return failure;
}

Result<Json> read_answer(int status, std::string_view body) {
  Json json;
  try {
    // Room for a hundred messages, each with a hundred entities and a reply to such a message: no user may block polling for everyone.
    json = parse_json(body, "Telegram's answer", {.depth = 32, .values = 1'000'000});
  } catch (const Error&) {
    return std::unexpected(failure_of(status, nullptr));  // most often the page of a proxy
  }
  if (status == 200 && json.is_object() && json.value("ok", Json()) == true && json.contains("result")) return std::move(json["result"]);
  return std::unexpected(failure_of(status, json));
}

}  // namespace p2p::telegram
