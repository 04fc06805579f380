#include "base/json.hpp"

#include <fstream>
#include <utility>
#include <vector>

#include "base/printable.hpp"

namespace p2p {
namespace {

constexpr std::size_t kExcerptBytes = 96;

/// At most `limit` bytes of UTF-8 text; a cut never splits a character.
std::string cut(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0u) == 0x80u) --limit;
  return text.substr(0, limit) + "...";
}

/// Builds the value without recursion. (nlohmann's own parser keeps the last of duplicate keys, and its callback form takes quadratic
/// time.)
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view name, JsonLimits limits) : name_(name), limits_(limits) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& value) override { return add(std::move(value)); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& key) override {
    const auto [member, is_new] = open_.back()->emplace(key, nullptr);
    if (!is_new) fail("the key " + excerpt(key) + " is there twice");
    member_ = &*member;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    std::string what = error.what();
    what.erase(0, what.find("] ") + 2);                 // "[json.exception.parse_error.101] "
    what = what.substr(0, what.find("; last read: "));  // the quoted input may be long or invalid UTF-8
    fail(cut(std::move(what), 2 * kExcerptBytes));
  }

  Json take() { return std::move(root_); }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw Error(name_ + ": not valid JSON: " + problem); }

  Json* place(Json value) {
    if (++values_ > limits_.values) fail("more than " + std::to_string(limits_.values) + " values");
    Json* const slot = open_.empty() ? &root_ : open_.back()->is_array() ? &open_.back()->emplace_back() : member_;
    *slot = std::move(value);
    return slot;
  }
  bool add(Json value) { return place(std::move(value)) != nullptr; }
  bool open(Json value) {
    if (open_.size() >= limits_.depth) fail("deeper than " + std::to_string(limits_.depth) + " levels");
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string name_;
  JsonLimits limits_;
  std::size_t values_ = 0;
  Json root_;
  std::vector<Json*> open_;  // stable: nothing is appended to a parent while one of its elements is open
  Json* member_ = nullptr;
};

}  // namespace

std::string json_line(const Json& value) { return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace)); }

std::string excerpt(const Json& value) { return cut(value.dump(-1, ' ', false, Json::error_handler_t::replace), kExcerptBytes); }

Json parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  // nlohmann treats a zero byte as the end of the text.
  if (text.find('\0') != text.npos) throw Error(std::string(name) + ": not valid JSON: holds a zero byte (incomplete download?)");
  Builder builder(name, limits);
  Json::sax_parse(text, &builder);
  return builder.take();
}

Json read_json(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);  // fails unless it is a regular file
  if (error) throw Error(path.string() + ": cannot be read: " + error.message());
  if (size > max_bytes)
    throw Error(path.string() + ": " + std::to_string(size) + " bytes; at most " + std::to_string(max_bytes) + " are read");
  std::string text(static_cast<std::size_t>(size), '\0');
  std::ifstream stream(path, std::ios::binary);
  if (!stream.read(text.data(), static_cast<std::streamsize>(size))) throw Error(path.string() + ": cannot be read");
  return parse_json(text, path.string(), kModelFileLimits);
}

}  // namespace p2p
