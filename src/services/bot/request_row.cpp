#include "services/bot/request_row.hpp"

namespace p2p::bot {
namespace {

/// One field in both directions, so that none can be written and not read.
class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}
  template <typename T>
  void operator()(const char* name, const T& value) {
    json_[name] = value;
  }
  void operator()(const char* name, const Time& value) { json_[name] = to_millis(value); }
  void operator()(const char* name, const std::optional<std::int64_t>& value) { json_[name] = value ? Json(*value) : Json(); }

 private:
  Json& json_;
};

class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}
  template <typename T>
  void operator()(const char* name, T& value) {
    if (json_.contains(name)) json_.at(name).get_to(value);
  }
  void operator()(const char* name, Time& value) {
    if (json_.contains(name)) value = from_millis(json_.at(name).get<std::int64_t>());
  }
  void operator()(const char* name, std::optional<std::int64_t>& value) {
    if (json_.contains(name) && !json_.at(name).is_null()) value = json_.at(name).get<std::int64_t>();
  }

 private:
  const Json& json_;
};

template <typename Row, typename Visitor>
void visit(Row& row, Visitor&& field) {
  field("id", row.id);
  field("user", row.user);
  field("chat", row.chat);
  field("in_group", row.in_group);
  field("thread", row.thread);
  field("asked_in", row.asked_in);
  field("language", row.language);
  field("model", row.model);
  field("prompt", row.prompt);
  field("seed", row.seed);
  field("variations", row.variations);
  field("upscale", row.upscale);
  field("accepted", row.accepted);
  field("traceparent", row.traceparent);
  field("status", row.status);
  field("cancelling", row.cancelling);
  field("reason", row.reason);
  field("detail", row.detail);
  field("ended", row.ended);
  field("image_key", row.image_key);
  field("width", row.width);
  field("height", row.height);
  field("bytes", row.bytes);
  field("seconds", row.seconds);
  field("used", row.used);
  field("offers", row.offers);
  field("message", row.message);
  field("messages_lost", row.messages_lost);
  field("answered", row.answered);
  field("form", row.form);
  field("link_refused", row.link_refused);
  field("has_link", row.has_link);
  field("link_until", row.link_until);
  field("original", row.original);
  field("original_shown", row.original_shown);
  field("original_refused", row.original_refused);
  field("bell_rung", row.bell_rung);
  field("settled", row.settled);
}

}  // namespace

Json to_json(const RequestRow& row) {
  Json json;
  visit(row, Writer(json));
  return json;
}

RequestRow row_from(const Json& json) {
  RequestRow row;
  visit(row, Reader(json));
  return row;
}

}  // namespace p2p::bot
