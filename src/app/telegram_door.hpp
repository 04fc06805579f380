#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/door.hpp"
#include "app/service_process.hpp"
#include "app/webhook.hpp"
#include "services/chat/bot.hpp"

namespace p2p::app {

/// The Telegram bot: its connection, its database, and the webhook if one is set.
class TelegramDoor {
 public:
  /// Opens the database and adds the route of the webhook. Keeps the references. Throws UsageError for invalid settings.
  TelegramDoor(ServiceProcess& process, const AppConfig& config, const std::string& model);

  /// Connects to Telegram, which is retried until it succeeds. False if the process stops before. Throws UsageError if Telegram refuses.
  bool connect();
  /// The bot's name, without @.
  const std::string& username() const { return username_; }
  /// Works until the process stops. The store, bus and door must outlive the process' Serving.
  void run(bus::Bus& bus, Door& door, blob::BlobStore& store);
  /// Why it cannot work at the moment; empty if it can. Thread-safe.
  std::string problem() const;

 private:
  void receive_updates(chat::Bot& bot);

  ServiceProcess& process_;
  const AppConfig& config_;
  const std::string model_;
  const std::stop_token stop_;
  std::atomic<std::int64_t> stopped_at_ = INT64_MAX;
  std::atomic<chat::Bot*> running_ = nullptr;  ///< for the webhook and problem(), once it works
  std::optional<Webhook> webhook_;
  std::unique_ptr<chat::ChatStore> database_;
  std::unique_ptr<telegram::Api> api_;
  std::string username_;
  std::optional<chat::Bot> bot_;
};

}  // namespace p2p::app
