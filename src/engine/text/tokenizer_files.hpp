#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "engine/text/clip_tokenizer.hpp"

namespace p2p::engine {

inline constexpr auto kTokenizerConfig = "tokenizer_config.json";

/// Reads the files that exist. Throws ModelError.
ClipTokenizer::Files read_tokenizer_files(const std::filesystem::path& folder);

/// A tokenizer's files. Errors (ModelError) contain the position. Keeps references to its arguments.
class TokenizerSource {
 public:
  TokenizerSource(const ClipTokenizer::Files& files, std::string_view folder) : files_(files), folder_(folder) {}

  /// `where` is a file's name, with a line or key if there is one.
  [[noreturn]] void fail(const std::string& where, const std::string& problem) const;

  /// Nothing if the file is absent.
  const std::string* text(std::string_view name) const;
  /// The object that a file holds; nothing if it is absent.
  std::optional<Json> object(const std::string& name) const;

  /// Fails at `where` unless `right`.
  void expect(bool right, const std::string& where, std::string_view expected, const Json& found) const;
  /// The flag `key` of an object at `where`, `otherwise` if absent or null.
  bool flag(const Json& object, const char* key, bool otherwise, const std::string& where) const;

 private:
  const ClipTokenizer::Files& files_;
  std::string_view folder_;
};

}  // namespace p2p::engine
