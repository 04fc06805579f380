#pragma once

#include <map>
#include <mutex>

#include "platform/telegram/api.hpp"

namespace p2p::testing {

/// Telegram in memory, for tests: messages by id, and calls that fail as they are told. Thread-safe.
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
    return std::vector<Json>{};
  }
  telegram::Result<bool> set_webhook(const std::string&, const Secret&) override { return true; }
  telegram::Result<bool> delete_webhook() override { return true; }
  telegram::Result<bool> set_my_commands(const std::vector<telegram::Command>&, const std::string&) override { return true; }
  telegram::Result<std::int64_t> send_message(const telegram::ReplyTo& to, const std::string& text,
                                              const telegram::Keyboard& keyboard) override {
    const std::scoped_lock lock(mutex_);
    if (auto failure = next_failure()) return std::unexpected(*failure);
    shown_[++last_] = {to.chat_id, text, "", keyboard};
    return last_;
  }
  telegram::Result<bool> edit_message_text(std::int64_t, std::int64_t message, const std::string& text,
                                           const telegram::Keyboard& keyboard) override {
    return edit(message, [&](Shown& shown) {
      shown.text = text;
      shown.keyboard = keyboard;
    });
  }
  telegram::Result<bool> edit_message_media(std::int64_t, std::int64_t message, const telegram::Media& media,
                                            const telegram::Keyboard& keyboard) override {
    return edit(message, [&](Shown& shown) {
      shown = {shown.chat, media.caption, media.type == telegram::Media::Type::photo ? "photo" : "document", keyboard};
    });
  }
  telegram::Result<bool> edit_message_reply_markup(std::int64_t, std::int64_t message, const telegram::Keyboard& keyboard) override {
    return edit(message, [&](Shown& shown) { shown.keyboard = keyboard; });
  }
  telegram::Result<bool> answer_callback_query(const std::string&, const std::string& text, bool) override {
    const std::scoped_lock lock(mutex_);
    answers_.push_back(text);
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
  void fail(const telegram::Failure& failure, int count) {
    const std::scoped_lock lock(mutex_);
    for (int i = 0; i < count; ++i) failures_.push_back(failure);
  }
  void remove(std::int64_t message) {
    const std::scoped_lock lock(mutex_);
    shown_.erase(message);
  }

 private:
  std::optional<telegram::Failure> next_failure() {
    if (failures_.empty()) return std::nullopt;
    const auto failure = failures_.front();
    failures_.erase(failures_.begin());
    return failure;
  }
  telegram::Result<bool> edit(std::int64_t message, const std::function<void(Shown&)>& change) {
    const std::scoped_lock lock(mutex_);
    if (auto failure = next_failure()) return std::unexpected(*failure);
    const auto found = shown_.find(message);
    if (found == shown_.end()) return std::unexpected(telegram::Failure{.kind = telegram::Failure::Kind::message_gone});
    change(found->second);
    return true;
  }

  std::mutex mutex_;
  std::map<std::int64_t, Shown> shown_;
  std::int64_t last_ = 0;
  std::vector<telegram::Failure> failures_;
  std::vector<std::string> answers_;
};

}  // namespace p2p::testing
