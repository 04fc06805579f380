#include "engine/text/vocabulary.hpp"

#include <algorithm>
#include <utility>

namespace p2p::engine {

Vocabulary::Vocabulary(const TokenizerSource& source) {
  std::string file = "tokenizer.json";
  if (const auto tokenizer = source.object(file)) {
    const Json model = tokenizer->value("model", Json());
    source.expect(model.is_object() && model.contains("vocab") && model.contains("merges"), file + ": model",
                  "an object with vocab and merges", model);
    read_tokens(source, file + ": model.vocab", model.at("vocab"));
    read_merges(source, model.at("merges"));
  } else {
    const auto tokens = source.object("vocab.json");
    if (!tokens) source.fail("vocab.json", "is missing");
    read_tokens(source, "vocab.json", *tokens);
    file = "merges.txt";
    read_merges_file(source);
  }
  auto pairs = merges_;
  const auto pair = [](const Bpe::Merge& merge) { return std::pair(merge.left, merge.right); };
  std::ranges::sort(pairs, {}, pair);
  if (const auto twice = std::ranges::adjacent_find(pairs, {}, pair); twice != pairs.end()) {
    source.fail(file, "merges tokens " + std::to_string(twice->left) + " and " + std::to_string(twice->right) + " twice");
  }
}

std::optional<std::int32_t> Vocabulary::find(const std::string& token) const {
  const auto found = tokens_.find(token);
  return found == tokens_.end() ? std::nullopt : std::optional(found->second.get<std::int32_t>());
}

Bpe Vocabulary::bpe(std::optional<std::int32_t> unknown) const {
  Bpe::Symbols inner, last;
  for (unsigned byte = 0; byte < inner.size(); ++byte) {
    const std::string symbol = byte_symbol(static_cast<std::uint8_t>(byte));
    inner[byte] = find(symbol);
    last[byte] = find(symbol + "</w>");
  }
  return Bpe(inner, last, merges_, unknown);
}

void Vocabulary::read_tokens(const TokenizerSource& source, const std::string& file, const Json& tokens) {
  source.expect(tokens.is_object(), file, "an object", tokens);
  std::vector<const std::string*> by_id(tokens.size());
  for (const auto& [token, id] : tokens.items()) {
    source.expect(id.is_number_unsigned() && id.get<std::uint64_t>() < by_id.size(), file + ": " + excerpt(token),
                  "an id below " + std::to_string(by_id.size()) + ", the number of tokens", id);
    const std::string*& holder = by_id[id.get<std::size_t>()];
    if (holder) source.fail(file + ": " + excerpt(token), "has the id " + excerpt(id) + ", which " + excerpt(*holder) + " has");
    holder = &token;
  }
  tokens_ = tokens.get_ref<const Json::object_t&>();
}

void Vocabulary::read_merges_file(const TokenizerSource& source) {
  const std::string* const text = source.text("merges.txt");
  if (!text) source.fail("merges.txt", "is missing");
  std::string_view rest = *text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with("#version")) add_merge(source, "merges.txt:" + std::to_string(number), line);
  }
}

void Vocabulary::read_merges(const TokenizerSource& source, const Json& merges) {
  source.expect(merges.is_array(), "tokenizer.json: model.merges", "an array", merges);
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string where = "tokenizer.json: model.merges[" + std::to_string(i) + "]";
    const Json& merge = merges[i];
    if (merge.is_string()) {
      add_merge(source, where, std::string_view(merge.get_ref<const std::string&>()));
    } else {
      source.expect(merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string(), where, "two tokens", merge);
      add_merge(source, where, merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
    }
  }
}

void Vocabulary::add_merge(const TokenizerSource& source, const std::string& where, std::string_view line) {
  const std::size_t space = line.find(' ');
  source.expect(space != line.npos && line.find(' ', space + 1) == line.npos, where, "two tokens with one space between them",
                std::string(line));
  add_merge(source, where, std::string(line.substr(0, space)), std::string(line.substr(space + 1)));
}

void Vocabulary::add_merge(const TokenizerSource& source, const std::string& where, const std::string& left, const std::string& right) {
  const auto known = [&](const std::string& token) {
    const auto id = find(token);
    if (!id) source.fail(where, "the token " + excerpt(token) + " is not in the vocabulary");
    return *id;
  };
  merges_.push_back({known(left), known(right), known(left + right)});
}

}  // namespace p2p::engine
