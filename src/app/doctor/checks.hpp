#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "config/settings.hpp"

/// The checks of `prompt2pic doctor`. Each may throw: the message says what is wrong, as Finding::text does. None leaves anything behind.
namespace p2p::app::doctor {

struct Finding {
  enum class Kind { ok, unset, failed } kind = Kind::ok;
  std::string text;  ///< what is there, or what is wrong and how to mend it
};

inline Finding ok(std::string text) { return {Finding::Kind::ok, std::move(text)}; }
inline Finding unset(std::string text) { return {Finding::Kind::unset, std::move(text)}; }
inline Finding failed(std::string text) { return {Finding::Kind::failed, std::move(text)}; }

Finding check_telegram(const AppConfig& config);
Finding check_kafka(const AppConfig& config);
Finding check_storage(AppConfig config);
/// Whether using the store creates nothing: it is a bucket, or a folder that a service has made.
bool is_store_made(const AppConfig& config);
/// Removes the folder of the checks' objects, if the store is a folder.
void remove_check_folder(const AppConfig& config);
Finding check_database(const AppConfig& config);
/// Loads the models. With `picture`, draws one with one of them and puts the PNG there.
Finding check_models(const AppConfig& config, std::string* picture);

// Of a deployment that works or is about to.

/// What Telegram says about the delivery of updates.
Finding check_updates(const AppConfig& config);
/// The topics: replicas, and what this user may do with them.
Finding check_topics(const AppConfig& config);
/// This machine's clock against Telegram's or the storage's.
Finding check_clock(const AppConfig& config);
/// The instructions that drawing gains by.
Finding check_cpu();
/// The memory that this process has used, against its limit. To be called last.
Finding check_memory();
/// Sends the picture to the chat as the bot does, and opens its link. `chat`: 0: none is known.
Finding check_picture(const AppConfig& config, std::int64_t chat, const std::string& picture);

}  // namespace p2p::app::doctor
