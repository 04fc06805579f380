#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "app/door.hpp"
#include "app/service_process.hpp"
#include "app/webhook.hpp"
#include "services/chat/bot.hpp"
#include "services/chat/store/update_inbox.hpp"

namespace p2p::app {

/// The Telegram bot: its connection, its database, and the webhook if one is set. Of the processes with one PostgreSQL database, one works
/// with it; the others receive updates and take over when it ends.
class TelegramDoor {
 public:
  /// Opens a database in a file and adds the route of the webhook. Keeps the references. Throws UsageError for invalid settings.
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
  bool take(const Json& update, const std::function<void()>& kept);
  /// Repeats work() whenever the database can be had.
  void work_in_turns(bus::Bus& bus, Door& door, blob::BlobStore& store);
  /// Runs a bot on the open database until the process stops, or the database is lost: throws db::ConnectionLost.
  void work(bus::Bus& bus, Door& door, blob::BlobStore& store);
  void receive_updates(chat::Bot& bot, const std::stop_token& stop);
  void set_working(chat::Bot* bot, const std::string& problem);

  ServiceProcess& process_;
  const AppConfig& config_;
  const std::string model_;
  const std::stop_token stop_;
  std::atomic<std::int64_t> stopped_at_ = INT64_MAX;
  std::unique_ptr<chat::UpdateInbox> inbox_;  ///< only with PostgreSQL
  std::optional<Webhook> webhook_;
  std::unique_ptr<telegram::Api> api_;
  std::string username_;
  std::unique_ptr<chat::ChatStore> database_;
  std::optional<chat::Bot> bot_;
  mutable std::mutex mutex_;  ///< guards the following
  chat::Bot* working_ = nullptr;
  std::string problem_ = "not connected to Telegram yet";  ///< without a working bot
};

}  // namespace p2p::app
