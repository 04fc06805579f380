#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "platform/telegram/api.hpp"
#include "services/testing/eventually.hpp"

namespace p2p::testing {

/// An in-memory Telegram for tests, with calls that fail on demand. Thread-safe; every method that sends something ends with
/// notify_changed().
class FakeApi : public telegram::Api {
 public:
  struct Shown {
    std::int64_t chat = 0;
    std::string text;
    std::string media;
    telegram::Keyboard keyboard;
  };

  telegram::Result<Me> get_me() override { return Me{1, "bot"}; }
  telegram::Result<std::vector<Json>> get_updates(std::int64_t, std::chrono::seconds, const std::function<bool()>&) override {
    const std::scoped_lock lock(mutex_);
    notify_changed();
    if (auto failure = next_failure("getUpdates")) return std::unexpected(*failure);
    return std::vector<Json>{};
  }
  telegram::Result<bool> set_webhook(const std::string& url, const Secret&) override {
    const std::scoped_lock lock(mutex_);
    notify_changed();
    if (auto failure = next_failure("setWebhook")) return std::unexpected(*failure);
    webhook_.url = url;
    return true;
  }
  telegram::Result<telegram::WebhookInfo> get_webhook_info() override {
    const std::scoped_lock lock(mutex_);
    ++looks;
    notify_changed();
    if (auto failure = next_failure("getWebhookInfo")) return std::unexpected(*failure);
    return webhook_;
  }
  std::atomic<int> looks = 0;  ///< number of calls of get_webhook_info()
  telegram::WebhookInfo webhook() {
    const std::scoped_lock lock(mutex_);
    return webhook_;
  }
  void set_webhook_info(const telegram::WebhookInfo& info) {
    const std::scoped_lock lock(mutex_);
    webhook_ = info;
  }
  telegram::Result<bool> delete_webhook() override { return true; }
  telegram::Result<bool> set_my_commands(const std::vector<telegram::Command>&, const std::string&) override { return true; }
  telegram::Result<std::int64_t> send_message(const telegram::ReplyTo& to, const std::string& text,
                                              const telegram::Keyboard& keyboard) override {
    const std::scoped_lock lock(mutex_);
    if (to.message_id) replied_to_.insert(*to.message_id);
    if (auto failure = next_failure("send")) return std::unexpected(*failure);
    shown_[++last_] = {to.chat_id, text, "", keyboard};
    said_.push_back(text);
    notify_changed();
    return last_;
  }
  telegram::Result<bool> edit_message_text(std::int64_t, std::int64_t message, const std::string& text,
                                           const telegram::Keyboard& keyboard) override {
    return edit("text", message, [&](Shown& shown) {
      said_.push_back(text);
      shown.text = text;
      shown.keyboard = keyboard;
    });
  }
  telegram::Result<bool> edit_message_media(std::int64_t, std::int64_t message, const telegram::Media& media,
                                            const telegram::Keyboard& keyboard) override {
    const std::string type = media.type == telegram::Media::Type::photo ? "photo" : "document";
    return edit(type, message, [&](Shown& shown) { shown = {shown.chat, media.caption, type, keyboard}; });
  }
  telegram::Result<bool> edit_message_reply_markup(std::int64_t, std::int64_t message, const telegram::Keyboard& keyboard) override {
    return edit("keyboard", message, [&](Shown& shown) { shown.keyboard = keyboard; });
  }
  telegram::Result<bool> answer_callback_query(const std::string&, const std::string& text, bool) override {
    const std::scoped_lock lock(mutex_);
    answers_.push_back(text);
    notify_changed();
    return true;
  }

  std::vector<Shown> shown() {
    const std::scoped_lock lock(mutex_);
    std::vector<Shown> list;
    for (const auto& [id, shown] : shown_) list.push_back(shown);
    return list;
  }
  std::vector<std::string> answers() {
    const std::scoped_lock lock(mutex_);
    return answers_;
  }
  /// Every text ever shown.
  std::vector<std::string> said() {
    const std::scoped_lock lock(mutex_);
    return said_;
  }
  std::set<std::int64_t> replied_to() {
    const std::scoped_lock lock(mutex_);
    return replied_to_;
  }
  /// Lets the next `count` calls fail; with `kind`, only calls of this kind: send, text, photo, document (edits to one), keyboard,
  /// getUpdates, setWebhook, getWebhookInfo.
  void fail(const telegram::Failure& failure, int count, const std::string& kind = "") {
    const std::scoped_lock lock(mutex_);
    if (count > 0) failures_.push_back({kind, failure, count});
  }
  /// Ends all failures.
  void mend() {
    const std::scoped_lock lock(mutex_);
    failures_.clear();
  }
  void remove(std::int64_t message) {
    const std::scoped_lock lock(mutex_);
    shown_.erase(message);
  }

 private:
  struct Failing {
    std::string kind;
    telegram::Failure failure;
    int count = 0;  ///< remaining calls to fail
  };
  std::optional<telegram::Failure> next_failure(const std::string& kind) {
    const auto found = std::ranges::find_if(failures_, [&](const auto& each) { return each.kind.empty() || each.kind == kind; });
    if (found == failures_.end()) return std::nullopt;
    const auto failure = found->failure;
    if (--found->count == 0) failures_.erase(found);
    notify_changed();
    return failure;
  }
  telegram::Result<bool> edit(const std::string& kind, std::int64_t message, const std::function<void(Shown&)>& change) {
    const std::scoped_lock lock(mutex_);
    if (auto failure = next_failure(kind)) return std::unexpected(*failure);
    const auto found = shown_.find(message);
    if (found == shown_.end()) return std::unexpected(telegram::Failure{.kind = telegram::Failure::Kind::message_gone});
    change(found->second);
    notify_changed();
    return true;
  }

  std::mutex mutex_;
  std::map<std::int64_t, Shown> shown_;
  std::int64_t last_ = 0;
  std::vector<Failing> failures_;
  telegram::WebhookInfo webhook_;
  std::vector<std::string> said_;
  std::set<std::int64_t> replied_to_;
  std::vector<std::string> answers_;
};

}  // namespace p2p::testing
