#include "engine/text/tokenizer_files.hpp"

#include <array>
#include <fstream>

namespace p2p::engine {
namespace {

constexpr std::size_t kMaxFileBytes = 32u << 20;
constexpr std::array kFiles = {"vocab.json",        "merges.txt",    "tokenizer_config.json", "special_tokens_map.json",
                               "added_tokens.json", "tokenizer.json"};

std::string path_text(std::string_view folder, std::string_view rest) { return std::string(folder) + "/" + std::string(rest); }

}  // namespace

ClipTokenizer::Files read_tokenizer_files(const std::filesystem::path& folder) {
  ClipTokenizer::Files files;
  for (const char* name : kFiles) {
    const std::filesystem::path path = folder / name;
    std::error_code error;
    if (!std::filesystem::exists(path, error) && !error) continue;
    const auto size = std::filesystem::file_size(path, error);  // fails unless it is a regular file
    if (error) throw ModelError(path.string() + ": cannot be read: " + error.message());
    if (size > kMaxFileBytes) {
      throw ModelError(path.string() + ": " + std::to_string(size) + " bytes; at most " + std::to_string(kMaxFileBytes) + " are read");
    }
    std::string& text = files[name];
    text.resize(static_cast<std::size_t>(size));
    if (!std::ifstream(path, std::ios::binary).read(text.data(), static_cast<std::streamsize>(size))) {
      throw ModelError(path.string() + ": cannot be read");
    }
  }
  return files;
}

void TokenizerSource::fail(const std::string& where, const std::string& problem) const {
  throw ModelError(path_text(folder_, where) + ": " + problem);
}

const std::string* TokenizerSource::text(std::string_view name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : &found->second;
}

std::optional<Json> TokenizerSource::object(const std::string& name) const {
  const std::string* const content = text(name);
  if (content == nullptr) return std::nullopt;
  std::optional<Json> value;
  try {
    value = parse_json(*content, path_text(folder_, name), kModelFileLimits);
  } catch (const Error& error) {
    throw ModelError(error.what());
  }
  expect(value->is_object(), name, "an object", *value);
  return value;
}

void TokenizerSource::expect(bool right, const std::string& where, std::string_view expected, const Json& found) const {
  if (!right) fail(where, "expected " + std::string(expected) + ", found " + excerpt(found));
}

bool TokenizerSource::flag(const Json& object, const char* key, bool otherwise, const std::string& where) const {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return otherwise;
  expect(found->is_boolean(), where + ": " + key, "true or false", *found);
  return found->get<bool>();
}

}  // namespace p2p::engine
