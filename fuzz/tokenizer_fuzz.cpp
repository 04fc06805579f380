// Input: the files of a tokenizer, separated by lines "%%". Result: a tokenizer whose ids are within its vocabulary, or a ModelError.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.hpp"
#include "engine/text/clip_tokenizer.hpp"

using p2p::engine::ClipTokenizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array kNames = {"vocab.json",        "merges.txt",    "tokenizer_config.json", "special_tokens_map.json",
                                 "added_tokens.json", "tokenizer.json"};
  constexpr std::string_view kBetween = "%%\n";
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  ClipTokenizer::Files files;
  for (const char* name : kNames) {
    const std::size_t end = rest.find(kBetween);
    if (end != 0 && !rest.empty()) files[name] = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + kBetween.size());
  }
  try {
    const ClipTokenizer tokenizer(files, "folder");
    for (const std::string_view text : {"", "a fox's <|endoftext|> ab <|STARTOFTEXT|>", "\u043b\u0438\u0441\u0430 \U0001F98A 12"}) {
      const auto tokens = tokenizer(text);
      if (tokens.ids.size() != tokenizer.length() || tokens.mask.size() != tokenizer.length()) std::abort();
      for (const std::int64_t id : tokens.ids) {
        if (id < 0 || static_cast<std::uint64_t>(id) >= tokenizer.vocabulary_size()) std::abort();
      }
    }
  } catch (const p2p::ModelError& error) {
    if (std::string_view(error.what()).size() > 4096) std::abort();
    p2p::Json(error.what()).dump();  // throws if the message is not UTF-8
  }
  return 0;
}
