#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/bpe.hpp"
#include "engine/text/tokenizer_files.hpp"

namespace p2p::engine {

/// The tokens with their ids (0 to size - 1, each once) and how they are merged.
class Vocabulary {
 public:
  /// Reads vocab.json and merges.txt or, if it is there, tokenizer.json instead. Throws ModelError.
  explicit Vocabulary(const TokenizerSource& source);

  std::size_t size() const { return tokens_.size(); }
  std::optional<std::int32_t> find(const std::string& token) const;
  Bpe bpe(std::optional<std::int32_t> unknown) const;

 private:
  void read_tokens(const TokenizerSource& source, const std::string& file, const Json& tokens);
  void read_merges_file(const TokenizerSource& source);
  void read_merges(const TokenizerSource& source, const Json& merges);
  void add_merge(const TokenizerSource& source, const std::string& where, std::string_view line);
  void add_merge(const TokenizerSource& source, const std::string& where, const std::string& left, const std::string& right);

  Json::object_t tokens_;
  std::vector<Bpe::Merge> merges_;
};

}  // namespace p2p::engine
