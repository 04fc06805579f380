#include "app/doctor/checks.hpp"
#include "app/service_process.hpp"
#include "base/clock.hpp"
#include "base/random_id.hpp"
#include "platform/http/client.hpp"

namespace p2p::app::doctor {
namespace {

/// Stores the picture while this object lives.
class Stored {
 public:
  Stored(const AppConfig& config, blob::BlobStore& store, const std::string& picture) : config_(config), store_(store) {
    store_.put(key_, picture, "image/png");
  }
  ~Stored() {
    try {
      store_.remove(key_);
      remove_check_folder(config_);
    } catch (const Error&) {  // it ends with P2P_KEEP_DAYS
    }
  }
  Stored(const Stored&) = delete;
  Stored& operator=(const Stored&) = delete;
  std::optional<std::string> link() const { return store_.link(key_, now() + std::chrono::minutes(5)); }

 private:
  const AppConfig& config_;
  blob::BlobStore& store_;
  const std::string key_ = "doctor/" + new_id() + ".png";
};

}  // namespace

Finding check_picture(const AppConfig& config, std::int64_t chat, const std::string& picture) {
  if (config.telegram.token.empty()) return unset("P2P_TELEGRAM_TOKEN is not set");
  if (chat == 0) return unset("no chat to send it to; give --chat ID or set P2P_ADMINS");
  if (picture.empty()) return failed("no model has drawn one");
  if (!is_store_made(config)) return unset("pictures go to a folder that no service has made yet; start the bot first");
  const auto store = make_store(config);
  const Stored stored(config, *store, picture);
  const auto link = stored.link();
  const auto api = telegram::bot_api(config.telegram);
  const auto sent = api->send_message({.chat_id = chat}, "prompt2pic doctor", {});
  if (!sent)
    return failed("the chat " + std::to_string(chat) + " cannot be written to: " + sent.error().text +
                  "; its user has to press Start in the bot first");
  telegram::Keyboard keyboard;
  if (link) keyboard.push_back({{.text = "Original", .data = "", .url = *link}});
  const telegram::Media media{.bytes = picture, .file_name = "doctor.png", .content_type = "image/png", .caption = "prompt2pic doctor"};
  if (const auto shown = api->edit_message_media(chat, *sent, media, keyboard); !shown)
    return failed("the picture is not shown: " + shown.error().text);
  const std::string text = "a picture was sent to the chat " + std::to_string(chat);
  if (!link) return ok(text + "; no links, because P2P_S3_PUBLIC_ENDPOINT or P2P_PUBLIC_URL is not set");
  http::Client client({.ca_file = config.s3.ca_file});
  const auto answer = client.send({.url = Secret(*link), .timeout = std::chrono::seconds(20)});
  if (answer.status != 200 || answer.body != picture)
    return failed(text + ", but its link gives status " + std::to_string(answer.status) + " and " + std::to_string(answer.body.size()) +
                  " bytes in place of " + std::to_string(picture.size()) + "; check P2P_S3_PUBLIC_ENDPOINT or P2P_PUBLIC_URL");
  return ok(text + "; its link opens from this machine");
}

}  // namespace p2p::app::doctor
