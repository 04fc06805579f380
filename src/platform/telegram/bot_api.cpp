#include "platform/http/client.hpp"
#include "platform/telegram/api.hpp"
#include "platform/telegram/failure.hpp"

namespace p2p::telegram {
namespace {

constexpr std::chrono::seconds kTimeout{20};
constexpr std::chrono::seconds kUploadTimeout{60};

Json to_json(const Keyboard& keyboard) {
  Json rows = Json::array();
  for (const auto& row : keyboard) {
    Json buttons = Json::array();
    for (const Button& button : row) {
      buttons.push_back(
          {{"text", button.text},
           button.url.empty() ? Json::object_t::value_type{"callback_data", button.data} : Json::object_t::value_type{"url", button.url}});
    }
    rows.push_back(std::move(buttons));
  }
  return {{"inline_keyboard", std::move(rows)}};
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

class BotApi : public Api {
 public:
  BotApi(const ApiConfig& config, std::function<bool()> give_up)
      : config_(config), give_up_(std::move(give_up)), client_({.proxy = config.proxy}) {}

  Result<Me> get_me() override {
    return read(call("getMe", Json::object()), [](const Json& result) -> Result<Me> {
      if (!result.is_object() || !result.contains("id") || !result["id"].is_number_integer()) return odd();
      const Json name = result.value("username", Json());
      return Me{result["id"].get<std::int64_t>(), name.is_string() ? name.get<std::string>() : ""};
    });
  }

  Result<std::vector<Json>> get_updates(std::int64_t offset, std::chrono::seconds timeout,
                                        const std::function<bool()>& cancelled) override {
    const Json body{{"offset", offset}, {"timeout", timeout.count()}, {"limit", 100}, {"allowed_updates", {"message", "callback_query"}}};
    return call_for("getUpdates", read_updates, body, {}, timeout + std::chrono::seconds(10), cancelled);
  }

  Result<bool> set_webhook(const std::string& url, const Secret& secret_token) override {
    return done(
        call("setWebhook", {{"url", url}, {"secret_token", secret_token.expose()}, {"allowed_updates", {"message", "callback_query"}}}));
  }
  Result<bool> delete_webhook() override { return done(call("deleteWebhook", Json::object())); }

  Result<WebhookInfo> get_webhook_info() override {
    return read(call("getWebhookInfo", Json::object()), [](const Json& result) -> Result<WebhookInfo> {
      if (!result.is_object() || !result.contains("url") || !result["url"].is_string()) return odd();
      const auto number = [&](const char* key) {
        const Json value = result.value(key, Json());
        return value.is_number_integer() ? value.get<std::int64_t>() : 0;
      };
      const Json error = result.value("last_error_message", Json());
      return WebhookInfo{result["url"].get<std::string>(), number("pending_update_count"), number("last_error_date"),
                         error.is_string() ? cut_to(error.get<std::string>(), 300) : ""};
    });
  }

  Result<bool> set_my_commands(const std::vector<Command>& commands, const std::string& language_code) override {
    Json list = Json::array();
    for (const Command& command : commands) list.push_back({{"command", command.name}, {"description", command.description}});
    Json body{{"commands", std::move(list)}};
    if (!language_code.empty()) body["language_code"] = language_code;
    return done(call("setMyCommands", body));
  }

  Result<std::int64_t> send_message(const ReplyTo& to, const std::string& text, const Keyboard& keyboard) override {
    Json body{{"chat_id", to.chat_id}, {"text", text}, {"link_preview_options", {{"is_disabled", true}}}};
    if (to.thread_id) body["message_thread_id"] = *to.thread_id;
    if (to.message_id) body["reply_parameters"] = {{"message_id", *to.message_id}, {"allow_sending_without_reply", true}};
    if (!keyboard.empty()) body["reply_markup"] = to_json(keyboard);
    return read(call("sendMessage", body), [](const Json& result) -> Result<std::int64_t> {
      if (!result.is_object() || !result.contains("message_id") || !result["message_id"].is_number_integer()) return odd();
      return result["message_id"].get<std::int64_t>();
    });
  }

  Result<bool> edit_message_text(std::int64_t chat_id, std::int64_t message_id, const std::string& text,
                                 const Keyboard& keyboard) override {
    return done(call("editMessageText", {{"chat_id", chat_id},
                                         {"message_id", message_id},
                                         {"text", text},
                                         {"link_preview_options", {{"is_disabled", true}}},
                                         {"reply_markup", to_json(keyboard)}}));
  }

  Result<bool> edit_message_media(std::int64_t chat_id, std::int64_t message_id, const Media& media, const Keyboard& keyboard) override {
    const Json description{
        {"type", media.type == Media::Type::photo ? "photo" : "document"}, {"media", "attach://file"}, {"caption", media.caption}};
    const std::vector<http::Part> parts{{"chat_id", std::to_string(chat_id), "", ""},
                                        {"message_id", std::to_string(message_id), "", ""},
                                        {"media", dump(description), "", ""},
                                        {"reply_markup", dump(to_json(keyboard)), "", ""},
                                        {"file", std::string(media.bytes), media.file_name, media.content_type}};
    return done(call("editMessageMedia", Json(), parts, kUploadTimeout));
  }

  Result<bool> edit_message_reply_markup(std::int64_t chat_id, std::int64_t message_id, const Keyboard& keyboard) override {
    return done(call("editMessageReplyMarkup", {{"chat_id", chat_id}, {"message_id", message_id}, {"reply_markup", to_json(keyboard)}}));
  }

  Result<bool> answer_callback_query(const std::string& query_id, const std::string& text, bool alert) override {
    Json body{{"callback_query_id", query_id}};
    if (!text.empty()) body.update({{"text", text}, {"show_alert", alert}});
    return done(call("answerCallbackQuery", body));
  }

 private:
  static std::unexpected<Failure> odd() { return std::unexpected(Failure{.text = "Telegram's answer has an unexpected form"}); }
  /// Applies `to_value` to a result. (g++ 12 has no std::expected::and_then.)
  template <typename Function>
  static auto read(Result<Json> result, const Function& to_value) -> decltype(to_value(std::move(*result))) {
    if (!result) return std::unexpected(std::move(result.error()));
    return to_value(std::move(*result));
  }
  static Result<bool> done(const Result<Json>& result) {
    if (!result) return std::unexpected(result.error());
    return true;
  }

  /// Removes the token from outside text: a proxy or server may repeat the requested URL.
  std::string without_token(std::string text) const {
    const std::string& token = config_.token.expose();
    for (std::size_t at = token.empty() ? text.npos : text.find(token); at != text.npos; at = text.find(token))
      text.replace(at, token.size(), "<token>");
    return text;
  }

  Result<Json> call(const std::string& method, const Json& body, const std::vector<http::Part>& parts = {},
                    std::chrono::seconds timeout = kTimeout) {
    return call_for(method, read_answer, body, parts, timeout, {});
  }
  template <typename T>
  Result<T> call_for(const std::string& method, Result<T> (*read_body)(int, std::string_view), const Json& body,
                     const std::vector<http::Part>& parts, std::chrono::seconds timeout, const std::function<bool()>& cancelled) {
    const std::string text = parts.empty() ? dump(body) : "";
    http::HttpRequest request{.method = "POST",
                              .url = Secret(config_.url + "/bot" + config_.token.expose() + "/" + method),
                              .body = text,
                              .parts = parts,
                              .timeout = timeout};
    if (parts.empty()) request.headers.emplace_back("Content-Type", "application/json");
    http::HttpResponse response;
    try {
      response = client_.send(request, cancelled ? cancelled : give_up_);
    } catch (const http::HttpError& error) {
      return std::unexpected(Failure{.text = without_token(error.what())});
    } catch (const Cancelled&) {
      return std::unexpected(Failure{.text = "cancelled"});
    }
    Result<T> result = read_body(response.status, response.body);
    if (!result) result.error().text = method + ": " + without_token(result.error().text);
    return result;
  }

  ApiConfig config_;
  std::function<bool()> give_up_;
  http::Client client_;
};

}  // namespace

std::unique_ptr<Api> bot_api(const ApiConfig& config, std::function<bool()> give_up) {
  return std::make_unique<BotApi>(config, std::move(give_up));
}

}  // namespace p2p::telegram
