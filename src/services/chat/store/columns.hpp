#pragma once

#include <string>

#include <soci/soci.h>

#include "services/chat/store/chat_request.hpp"

/// How a ChatRequest lies in the table `requests`: a column for each field.
namespace p2p::chat {

/// "id, person, chat, ..."; `before` is put before each name.
std::string request_columns(std::string_view before = "");

/// "id = excluded.id, person = excluded.person, ...": replaces a row that is there.
std::string request_updates();

}  // namespace p2p::chat

/// With it SOCI reads and writes whole rows: soci::use(request), soci::rowset<ChatRequest>.
template <>
struct soci::type_conversion<p2p::chat::ChatRequest> {
  using base_type = soci::values;
  /// Throws db::DatabaseError for what to_base() never wrote.
  static void from_base(const soci::values& values, soci::indicator indicator, p2p::chat::ChatRequest& request);
  static void to_base(const p2p::chat::ChatRequest& request, soci::values& values, soci::indicator& indicator);
};
