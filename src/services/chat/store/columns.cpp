#include "services/chat/store/columns.hpp"

#include <array>

#include "base/json.hpp"
#include "platform/db/database.hpp"

namespace p2p::chat {
namespace {

// By the enumerations' values.
constexpr std::array<std::string_view, 2> kLanguages{"en", "ru"};
constexpr std::array<std::string_view, 4> kForms{"photo", "document", "text", "plain"};
constexpr std::array<std::string_view, 5> kStatuses{"queued", "drawing", "finished", "failed", "cancelled"};

/// Calls field(name, value) for each column, so that none can be written and not read.
template <typename Request, typename Field>
void for_each_column(Request& request, const Field& field) {
  field("id", request.id);
  auto& origin = request.origin;
  field("person", origin.user);
  field("chat", origin.chat);
  field("in_group", origin.in_group);
  field("thread", origin.thread);
  field("asked_in", origin.message);
  field("language", origin.language, kLanguages);
  auto& params = request.params;
  field("model", params.model);
  field("prompt", params.prompt);
  field("seed", params.seed);
  field("variations", params.variations);
  field("upscale", params.upscale);
  field("accepted", request.accepted);
  field("traceparent", request.traceparent);
  auto& outcome = request.outcome;
  field("status", outcome.status, kStatuses);
  field("cancelling", outcome.cancelling);
  field("reason", outcome.reason);
  field("detail", outcome.detail);
  field("ended", outcome.ended);
  field("image_key", outcome.image_key);
  field("width", outcome.width);
  field("height", outcome.height);
  field("bytes", outcome.bytes);
  field("seconds", outcome.seconds);
  field("used", outcome.used);
  field("offers", outcome.offers);
  auto& shown = request.shown;
  field("message", shown.message);
  field("messages_lost", shown.messages_lost);
  field("answered", shown.answered);
  field("form", shown.form, kForms);
  field("link_refused", shown.link_refused);
  field("link_until", shown.link_until);
  field("original", shown.original);
  field("original_shown", shown.original_shown);
  field("original_refused", shown.original_refused);
  field("bell_rung", shown.bell_rung);
  field("settled", shown.settled);
}

/// Into the types that SOCI has.
class Writer {
 public:
  explicit Writer(soci::values& values) : values_(values) {}

  void operator()(const char* name, const std::string& value) const { values_.set(name, value); }
  void operator()(const char* name, int value) const { values_.set(name, value); }
  void operator()(const char* name, bool value) const { values_.set(name, value ? 1 : 0); }
  void operator()(const char* name, double value) const { values_.set(name, value); }
  void operator()(const char* name, std::int64_t value) const { values_.set(name, static_cast<long long>(value)); }
  void operator()(const char* name, std::uint64_t value) const { values_.set(name, static_cast<long long>(value)); }
  void operator()(const char* name, Time value) const { (*this)(name, to_millis(value)); }
  template <typename T>
  void operator()(const char* name, const std::optional<T>& value) const {
    if (value) return (*this)(name, *value);
    values_.set(name, 0LL, soci::i_null);
  }
  template <typename Enum, std::size_t N>
  void operator()(const char* name, Enum value, const std::array<std::string_view, N>& names) const {
    values_.set(name, std::string(names.at(static_cast<std::size_t>(value))));
  }
  /// Lists and maps are JSON.
  template <typename T>
  void operator()(const char* name, const T& value) const {
    values_.set(name, Json(value).dump(-1, ' ', false, Json::error_handler_t::replace));
  }

 private:
  soci::values& values_;
};

class Reader {
 public:
  explicit Reader(const soci::values& values) : values_(values) {}

  void operator()(const char* name, std::string& value) const { value = values_.get<std::string>(name); }
  void operator()(const char* name, int& value) const { value = values_.get<int>(name); }
  void operator()(const char* name, bool& value) const { value = values_.get<int>(name) != 0; }
  void operator()(const char* name, double& value) const { value = values_.get<double>(name); }
  void operator()(const char* name, std::int64_t& value) const { value = values_.get<long long>(name); }
  void operator()(const char* name, std::uint64_t& value) const { value = static_cast<std::uint64_t>(values_.get<long long>(name)); }
  void operator()(const char* name, Time& value) const { value = from_millis(values_.get<long long>(name)); }
  template <typename T>
  void operator()(const char* name, std::optional<T>& value) const {
    value.reset();
    if (values_.get_indicator(name) != soci::i_null) (*this)(name, value.emplace());
  }
  template <typename Enum, std::size_t N>
  void operator()(const char* name, Enum& value, const std::array<std::string_view, N>& names) const {
    const auto text = values_.get<std::string>(name);
    const auto found = std::ranges::find(names, text);
    if (found == names.end()) throw db::DatabaseError(std::string("the database: ") + name + " is \"" + text + '"');
    value = static_cast<Enum>(found - names.begin());
  }
  template <typename T>
  void operator()(const char* name, T& value) const {
    try {
      Json::parse(values_.get<std::string>(name)).get_to(value);
    } catch (const Json::exception& error) {
      throw db::DatabaseError(std::string("the database: ") + name + ": " + error.what());
    }
  }

 private:
  const soci::values& values_;
};

/// text_of(name) of each column, with commas between.
template <typename TextOf>
std::string listed(const TextOf& text_of) {
  std::string list;
  const ChatRequest none;
  for_each_column(none, [&](const char* name, const auto&...) { list.append(list.empty() ? "" : ", ").append(text_of(name)); });
  return list;
}

}  // namespace

std::string request_columns(std::string_view before) {
  return listed([&](const char* name) { return std::string(before) + name; });
}

std::string request_updates() {
  return listed([](const std::string& name) { return name + " = excluded." + name; });
}

}  // namespace p2p::chat

using p2p::chat::ChatRequest;

void soci::type_conversion<ChatRequest>::from_base(const soci::values& values, soci::indicator, ChatRequest& request) {
  p2p::chat::for_each_column(request, p2p::chat::Reader(values));
}

void soci::type_conversion<ChatRequest>::to_base(const ChatRequest& request, soci::values& values, soci::indicator& indicator) {
  p2p::chat::for_each_column(request, p2p::chat::Writer(values));
  indicator = soci::i_ok;
}
