#include "services/chat/store/tables.hpp"

#include <soci/soci.h>

#include "base/json.hpp"

namespace p2p::chat {

void OutboxTable::add(const OutboxMessage& message) {
  const bus::Outgoing& out = message.message;
  const std::string headers = Json(out.headers).dump(-1, ' ', false, Json::error_handler_t::replace);
  const int partition = out.partition.value_or(0);
  soci::indicator has_partition = out.partition ? soci::i_ok : soci::i_null;
  sql_ << "INSERT INTO outbox (number, topic, part, key, value, headers) VALUES (:number, :topic, :part, :key, :value, :headers) "
          "ON CONFLICT DO NOTHING",
      soci::use(message.number), soci::use(out.topic), soci::use(partition, has_partition), soci::use(out.key), soci::use(out.value),
      soci::use(headers);
}

void OutboxTable::remove(std::int64_t number) { sql_ << "DELETE FROM outbox WHERE number = :number", soci::use(number); }

std::vector<OutboxMessage> OutboxTable::all() {
  std::vector<OutboxMessage> list;
  const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT number, topic, part, key, value, headers FROM outbox ORDER BY number");
  for (const soci::row& row : rows) {
    OutboxMessage& message = list.emplace_back();
    message.number = row.get<long long>(0);
    message.message = {.topic = row.get<std::string>(1), .key = row.get<std::string>(3), .value = row.get<std::string>(4)};
    if (row.get_indicator(2) != soci::i_null) message.message.partition = row.get<int>(2);
    parse_json(row.get<std::string>(5), "headers in the outbox").get_to(message.message.headers);
  }
  return list;
}

void ReplyTable::add(const Reply& reply) {
  const int in_group = reply.in_group ? 1 : 0;
  const std::int64_t thread = reply.thread.value_or(0);
  soci::indicator has_thread = reply.thread ? soci::i_ok : soci::i_null;
  sql_ << "INSERT INTO replies (number, chat, in_group, thread, reply_to, text) VALUES (:number, :chat, :group, :thread, :reply_to, "
          ":text) ON CONFLICT DO NOTHING",
      soci::use(reply.number), soci::use(reply.chat), soci::use(in_group), soci::use(thread, has_thread), soci::use(reply.reply_to),
      soci::use(reply.text);
}

void ReplyTable::remove(std::int64_t number) { sql_ << "DELETE FROM replies WHERE number = :number", soci::use(number); }

std::vector<Reply> ReplyTable::all() {
  std::vector<Reply> list;
  const soci::rowset<soci::row> rows =
      (sql_.prepare << "SELECT number, chat, in_group, thread, reply_to, text FROM replies ORDER BY number");
  for (const soci::row& row : rows) {
    Reply& reply = list.emplace_back();
    reply = {.number = row.get<long long>(0), .chat = row.get<long long>(1), .in_group = row.get<int>(2) != 0};
    if (row.get_indicator(3) != soci::i_null) reply.thread = row.get<long long>(3);
    reply.reply_to = row.get<long long>(4);
    reply.text = row.get<std::string>(5);
  }
  return list;
}

void ReplyTable::move_chat(std::int64_t from, std::int64_t to) {
  sql_ << "UPDATE replies SET chat = :to WHERE chat = :from", soci::use(to), soci::use(from);
}

bus::StartAt PositionTable::of(const std::string& topic) {
  bus::StartAt position;
  const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT part, next FROM offsets WHERE topic = :topic", soci::use(topic));
  for (const soci::row& row : rows) position.offsets[{topic, row.get<int>(0)}] = row.get<long long>(1);
  sql_ << "SELECT log FROM logs WHERE topic = :topic", soci::use(topic), soci::into(position.log);
  return position;
}

void PositionTable::save(const std::map<bus::TopicPartition, std::int64_t>& offsets) {
  for (const auto& [partition, next] : offsets) {
    sql_ << "INSERT INTO offsets (topic, part, next) VALUES (:topic, :part, :next) ON CONFLICT (topic, part) DO UPDATE SET next = "
            "excluded.next",
        soci::use(partition.topic), soci::use(partition.partition), soci::use(next);
  }
}

void PositionTable::save_log(const std::string& topic, const std::string& log) {
  sql_ << "INSERT INTO logs (topic, log) VALUES (:topic, :log) ON CONFLICT (topic) DO UPDATE SET log = excluded.log", soci::use(topic),
      soci::use(log);
}

bool UpdateTable::has(std::int64_t id) {
  int count = 0;
  sql_ << "SELECT COUNT(*) FROM updates WHERE id = :id", soci::use(id), soci::into(count);
  return count > 0;
}

void UpdateTable::add(std::int64_t id) { sql_ << "INSERT INTO updates (id) VALUES (:id) ON CONFLICT DO NOTHING", soci::use(id); }

void UpdateTable::prune() {
  constexpr std::int64_t kKept = 100'000;
  sql_ << "DELETE FROM updates WHERE id < (SELECT MAX(id) FROM updates) - :kept", soci::use(kKept);
}

void ErasureTable::add_pictures_of(std::int64_t user) {
  sql_ << "INSERT INTO erasures (key) SELECT DISTINCT image_key FROM requests WHERE person = :person AND settled = 1 AND image_key <> '' "
          "ON CONFLICT DO NOTHING",
      soci::use(user);
}

std::vector<std::string> ErasureTable::first(int most) {
  const soci::rowset<std::string> rows = (sql_.prepare << "SELECT key FROM erasures ORDER BY key LIMIT :most", soci::use(most));
  return {rows.begin(), rows.end()};
}

void ErasureTable::remove(const std::string& key) { sql_ << "DELETE FROM erasures WHERE key = :key", soci::use(key); }

}  // namespace p2p::chat
