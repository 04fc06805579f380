#include "engine/text/added_tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <tuple>

namespace p2p::engine {
namespace {

// In the order in which transformers adds them: the later of two with the same content wins.
constexpr std::array kSpecialTokens = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
constexpr std::size_t kMaxTokens = 4096;

bool same(const AddedToken& a, const AddedToken& b) {
  const auto flags = [](const AddedToken& t) {
    return std::tuple(t.typed, t.single_word, t.strip_left, t.strip_right, t.special, t.in_normalized());
  };
  return a.content == b.content && flags(a) == flags(b);
}

/// Follows transformers' `_from_pretrained` and `TokenizersBackend.__init__`, as far as tokens are concerned.
class Reader {
 public:
  Reader(const TokenizerSource& source, const Vocabulary& vocabulary) : source_(source), vocabulary_(vocabulary) {
    named_["bos_token"].token = token("<|startoftext|>", "");
    for (const char* name : {"eos_token", "unk_token", "pad_token"}) named_[name].token = token("<|endoftext|>", "");
  }

  AddedTokens read(const Json& config) {
    read_named(config, kTokenizerConfig);
    read_extra(config, "extra_special_tokens", kTokenizerConfig);
    if (extra_.empty()) read_extra(config, "additional_special_tokens", kTokenizerConfig);
    if (const auto listed = config.find("added_tokens_decoder"); listed != config.end()) {
      read_indexed(*listed);
    } else {
      read_legacy_files(config.contains("extra_special_tokens") || config.contains("additional_special_tokens"));
    }
    for (auto& [name, named] : named_) {
      if (!named.given || !named.token) continue;
      for (const auto& [index, listed] : indexed_) {
        if (listed.content == named.token->content) named.token = listed;
      }
    }
    return add(to_add());
  }

 private:
  struct Named {
    std::optional<AddedToken> token;
    bool given = false;  // by a file
  };

  /// Tokens are compared with each other.
  void limit(std::size_t count, const std::string& where) const {
    if (count > kMaxTokens) source_.fail(where, std::to_string(count) + " tokens; at most " + std::to_string(kMaxTokens) + " are read");
  }

  AddedToken token(const Json& value, const std::string& where) const {
    AddedToken token;
    const Json* content = &value;
    if (value.is_object()) {
      const auto found = value.find("content");
      source_.expect(found != value.end(), where, "an object with \"content\"", value);
      content = &*found;
      token.typed = true;
      token.single_word = source_.flag(value, "single_word", false, where);
      token.strip_left = source_.flag(value, "lstrip", false, where);
      token.strip_right = source_.flag(value, "rstrip", false, where);
      token.special = source_.flag(value, "special", false, where);
      if (value.contains("normalized")) token.normalized = source_.flag(value, "normalized", true, where);
    }
    source_.expect(content->is_string() && *content != "", where, "a token", *content);
    token.content = content->get<std::string>();
    return token;
  }

  static void mark(AddedToken& token, const std::string& file) { (file == kTokenizerConfig ? token.packed : token.special) |= token.typed; }

  void read_named(const Json& object, const std::string& file) {
    for (const auto& [key, value] : object.items()) {
      const std::string where = file + ": " + excerpt(key);
      if (std::ranges::find(kSpecialTokens, key) == kSpecialTokens.end()) {
        if (key.ends_with("_token") && (value.is_string() || value.is_object())) source_.fail(where, "CLIP's tokenizer has no such token");
        continue;
      }
      Named& named = named_[key];
      named = {std::nullopt, true};
      if (value.is_null()) continue;
      named.token = token(value, where);
      mark(*named.token, file);
    }
  }

  void read_extra(const Json& object, const char* key, const std::string& file) {
    const auto found = object.find(key);
    if (found == object.end() || found->empty()) return;  // null is empty, too
    const std::string where = file + ": " + key;
    source_.expect(found->is_array(), where, "an array of tokens", *found);
    limit(found->size(), where);
    for (const Json& value : *found) {
      AddedToken extra = token(value, where);
      mark(extra, file);
      if (std::ranges::none_of(extra_, [&](const AddedToken& other) { return same(extra, other); })) extra_.push_back(std::move(extra));
    }
  }

  void read_indexed(const Json& tokens) {
    const std::string where = std::string(kTokenizerConfig) + ": added_tokens_decoder";
    source_.expect(tokens.is_object(), where, "an object", tokens);
    limit(tokens.size(), where);
    for (const auto& [key, value] : tokens.items()) {
      std::int64_t index = 0;
      const char* const end = key.data() + key.size();
      const auto [stop, error] = std::from_chars(key.data(), end, index);
      source_.expect(error == std::errc() && stop == end, where, "ids as keys", key);
      source_.expect(value.is_object(), where + ": " + excerpt(key), "an object", value);
      list(index, token(value, where + ": " + excerpt(key)), where);
    }
  }

  /// Duplicates are errors: otherwise the order of the keys would decide.
  void list(std::int64_t index, const AddedToken& token, const std::string& where) {
    for (const auto& [other, listed] : indexed_) {
      if (other == index || listed.content == token.content) {
        source_.fail(where, excerpt(token.content) + " has the id or the content of " + excerpt(listed.content));
      }
    }
    indexed_[index] = token;
  }

  void read_legacy_files(bool has_extra) {
    const std::string map_file = "special_tokens_map.json";
    const std::string added_file = "added_tokens.json";
    const auto map = source_.object(map_file);
    if (map) {
      read_named(*map, map_file);
      read_extra(*map, "extra_special_tokens", map_file);
    }
    if (const auto added = source_.object(added_file)) {
      limit(added->size(), added_file);
      for (const auto& [content, index] : added->items()) {
        source_.expect(index.is_number_integer(), added_file + ": " + excerpt(content), "an id", index);
        const auto is_it = [&](const AddedToken& other) { return other.content == content && !other.packed; };
        const auto is_named = [&](const auto& entry) { return entry.second.given && entry.second.token && is_it(*entry.second.token); };
        AddedToken token = this->token(content, added_file);
        token.typed = true;
        token.special = std::ranges::any_of(extra_, is_it) || std::ranges::any_of(named_, is_named);
        token.normalized = !token.special;
        list(index.get<std::int64_t>(), token, added_file);
      }
    }
    if (map && !has_extra && !map->contains("extra_special_tokens")) read_extra(*map, "additional_special_tokens", map_file);
    if (const auto tokenizer = source_.object("tokenizer.json")) {
      const std::string where = "tokenizer.json: added_tokens";
      const Json listed = tokenizer->value("added_tokens", Json::array());
      source_.expect(listed.is_array(), where, "an array", listed);
      limit(listed.size(), where);
      for (const Json& value : listed) {
        source_.expect(value.is_object() && value.contains("id") && value["id"].is_number_integer(), where, "objects with \"id\"", value);
        indexed_[value["id"].get<std::int64_t>()] = token(value, where);
      }
    }
  }

  std::vector<AddedToken> to_add() const {
    std::vector<AddedToken> tokens;
    tokens.reserve(indexed_.size());
    for (const auto& [index, listed] : indexed_) tokens.push_back(listed);
    const std::size_t listed = tokens.size();
    const auto offer = [&](const AddedToken& token) {
      const auto is_listed = [&](const AddedToken& other) { return other.content == token.content; };
      if (std::any_of(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(listed), is_listed)) return;
      if (std::ranges::none_of(tokens, [&](const AddedToken& other) { return same(token, other); })) tokens.push_back(token);
    };
    for (const char* name : kSpecialTokens) {
      if (const auto found = named_.find(name); found != named_.end() && found->second.token) offer(*found->second.token);
    }
    for (const AddedToken& token : extra_) offer(token);
    for (AddedToken& token : tokens) {
      const auto is_it = [&](const auto& entry) { return entry.second.token && entry.second.token->content == token.content; };
      if (!token.typed || std::ranges::any_of(named_, is_it)) token.special = true;
    }
    return tokens;
  }

  AddedTokens add(std::vector<AddedToken> tokens) const {
    std::map<std::string, AddedToken> by_content;
    AddedTokens result;
    result.vocabulary_size = vocabulary_.size();
    for (AddedToken& token : tokens) {
      const auto earlier = by_content.find(token.content);
      const auto known = earlier == by_content.end() ? vocabulary_.find(token.content) : std::optional(earlier->second.id);
      token.id = known ? *known : static_cast<std::int32_t>(result.vocabulary_size++);
      by_content[token.content] = std::move(token);
    }
    const auto id = [&](const char* name) {
      const auto& named = named_.at(name);
      if (!named.token) source_.fail(std::string(kTokenizerConfig) + ": " + name, "expected a token, found null");
      return by_content.at(named.token->content).id;
    };
    result.start = id("bos_token");
    result.end = id("eos_token");
    result.padding = id("pad_token");
    if (const auto& unknown = named_.at("unk_token").token) result.unknown = vocabulary_.find(unknown->content);
    for (auto& [content, token] : by_content) result.tokens.push_back(std::move(token));
    return result;
  }

  const TokenizerSource& source_;
  const Vocabulary& vocabulary_;
  std::map<std::string, Named, std::less<>> named_;
  std::vector<AddedToken> extra_;
  std::map<std::int64_t, AddedToken> indexed_;
};

}  // namespace

AddedTokens read_added_tokens(const TokenizerSource& source, const Json& config, const Vocabulary& vocabulary) {
  return Reader(source, vocabulary).read(config);
}

void add_words(AddedTokens& added, std::span<const ClipTokenizer::Word> words, const Vocabulary& vocabulary) {
  for (const ClipTokenizer::Word& word : words) {
    for (std::size_t i = 0; i < word.ids; ++i) {
      AddedToken token;
      token.content = i == 0 ? word.name : word.name + "_" + std::to_string(i);
      token.id = static_cast<std::int32_t>(added.vocabulary_size++);
      token.ids = i == 0 ? static_cast<std::int32_t>(word.ids) : 1;
      const auto is_it = [&](const AddedToken& other) { return other.content == token.content; };
      if (vocabulary.find(token.content) || std::ranges::any_of(added.tokens, is_it)) {
        throw ModelError("the learned word " + excerpt(token.content) + " is a token of the tokenizer; give it another name");
      }
      added.tokens.push_back(std::move(token));
    }
  }
}

}  // namespace p2p::engine
