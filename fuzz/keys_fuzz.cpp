// Input: an object key, the parts of a link, and a public address. Accepted ones cannot lead anywhere else.

#include <filesystem>

#include "fuzz/check.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/blob/keys.hpp"
#include "platform/messages/messages.hpp"

using fuzz::check;
using namespace p2p;

namespace {

bool is_key(std::string_view key) {
  try {
    blob::check_key(key);
    return true;
  } catch (const blob::BlobError& error) {
    check(error.kind() == blob::BlobError::Kind::refused);
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const bool key = is_key(text);
  if (key) {
    const std::filesystem::path path(text);
    check(path.is_relative() && path.lexically_normal() == path && *path.begin() != "..");
  }
  const auto day = blob::day_of(text);
  check(!day || text.starts_with("images/") || text.starts_with("inputs/") || text.starts_with("previews/"));
  if (messages::is_image_key(text)) {
    check(key && text.size() <= 128);
    if (day) {  // an existing day: the key must equal that of the request's id and time
      const std::size_t dash = text.rfind('-');
      const std::string id(text.substr(18, dash - 18));
      check(messages::is_request_id(id));
      const int n = std::atoi(std::string(text.substr(dash + 1)).c_str());
      check(messages::image_key(id, *day, n, messages::format_of(text)) == text);
    }
  }
  if (messages::is_input_key(text)) {
    check(key && text.size() <= 128 && !messages::is_image_key(text));
    if (day) {
      const std::string_view name = text.substr(18);
      const std::size_t dot = name.rfind('.');
      check(messages::input_key(std::string(name.substr(0, dot)), *day, name.substr(dot + 1)) == text);
    }
  }
  if (messages::is_preview_key(text)) {
    check(key && text.size() <= 128);
    if (day) check(messages::preview_key(std::string(text.substr(20, text.rfind('.') - 20)), *day) == text);
  }
  check(messages::model_of(text).empty() || messages::requests_topic(messages::model_of(text)) == text);

  std::string_view rest = text;
  const std::string_view its_key = fuzz::next_line(rest), expires = fuzz::next_line(rest);
  check(!blob::link_is_valid(Secret("key"), its_key, expires, rest, now()));  // an HMAC cannot be guessed

  if (text.find("://") == text.npos) {
    check(!blob::is_public_host(text));
  } else {  // the rest of the URL and its spelling must not matter
    check(blob::is_public_host(std::string(text) + "/x@example.org") == blob::is_public_host(text));
    check(!blob::is_public_host(text) || text.find_first_of(".[", text.find("://")) != text.npos);
  }
  return 0;
}
