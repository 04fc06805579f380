#include "engine/text/clip_tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace p2p::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<std::int64_t>;

const std::filesystem::path kGolden = std::filesystem::path(P2P_SOURCE_DIR) / "tests/golden/tokenizer";
const std::filesystem::path kLarge = kGolden / "large";

std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The vocabulary of tests/golden/tokenizer with a config that names what is needed.
ClipTokenizer::Files small_files() {
  return {{"vocab.json", read_text(kGolden / "vocab.json")},
          {"merges.txt", read_text(kGolden / "merges.txt")},
          {"tokenizer_config.json", R"({"model_max_length": 16})"}};
}

/// Four tokens and one merge: "ab" is one token.
ClipTokenizer::Files tiny_files() {
  return {{"vocab.json", R"({"a": 0, "b</w>": 1, "ab</w>": 2, "<|endoftext|>": 3, "<|startoftext|>": 4})"},
          {"merges.txt", "#version: 0.2\na b</w>\n"},
          {"tokenizer_config.json", R"({"model_max_length": 8})"}};
}

ClipTokenizer tiny_with(const std::string& name, const std::string& text) {
  auto files = tiny_files();
  files[name] = text;
  return ClipTokenizer(files, "model");
}

std::string error_of(const std::string& name, const std::string& text) {
  try {
    tiny_with(name, text);
  } catch (const ModelError& error) {
    return error.what();
  }
  return "no error";
}

void compare(const Json& golden, const ClipTokenizer& tokenizer) {
  EXPECT_FALSE(golden.empty());
  int differences = 0;
  for (const Json& entry : golden) {
    const std::string text = entry[0];
    const Ids ids = tokenizer.encode(text);
    if (ids == entry[1].get<Ids>()) continue;
    if (++differences <= 10) ADD_FAILURE() << "text " << entry[0] << "\n  expected " << entry[1] << "\n  found    " << Json(ids);
  }
  EXPECT_EQ(differences, 0) << "of " << golden.size();
}

void compare_file(const std::filesystem::path& path) {
  const Json golden = read_json(path, 1u << 30);
  compare(golden.at("large"), ClipTokenizer(kLarge));
  compare(golden.at("small"), ClipTokenizer(small_files(), "small"));
}

// P2P_TOKENIZER_GOLDEN names a larger file, as `tools/golden/tokenizer.py --strings 10000 -o FILE` writes it.
TEST(ClipTokenizer, EqualsTransformersOnMixedStrings) {
  const char* const larger = std::getenv("P2P_TOKENIZER_GOLDEN");
  compare_file(larger != nullptr ? std::filesystem::path(larger) : kGolden / "strings.json");
}

TEST(ClipTokenizer, EqualsTransformersForEveryConfig) {
  for (const Json& entry : read_json(kGolden / "configs.json")) {
    SCOPED_TRACE(entry.at("files").dump());
    auto files = small_files();
    for (const auto& [name, content] : entry.at("files").items()) files[name] = content.dump();
    const ClipTokenizer tokenizer(files, "small");
    EXPECT_EQ(tokenizer.vocabulary_size(), entry.at("size"));
    for (const Json& line : entry.at("texts")) {
      SCOPED_TRACE(line[0].dump());
      const std::string text = line[0];
      EXPECT_EQ(Json(tokenizer.encode(text)), line[1]);
      const auto tokens = tokenizer(text);
      EXPECT_EQ(Json(tokens.ids), line[2]);
      EXPECT_EQ(tokens.mask.size(), tokenizer.length());
      EXPECT_EQ(std::accumulate(tokens.mask.begin(), tokens.mask.end(), std::int64_t{0}), line[3]);
      EXPECT_EQ(tokens.dropped, line[1].size() + 2 - line[3].get<std::size_t>());
    }
  }
}

TEST(ClipTokenizer, PadsAndCuts) {
  const ClipTokenizer tokenizer(tiny_files(), "model");
  EXPECT_EQ(tokenizer.length(), 8u);
  EXPECT_EQ(tokenizer.vocabulary_size(), 5u);
  const auto tokens = tokenizer("ab AB");
  EXPECT_THAT(tokens.ids, ElementsAre(4, 2, 2, 3, 3, 3, 3, 3));
  EXPECT_THAT(tokens.mask, ElementsAre(1, 1, 1, 1, 0, 0, 0, 0));
  EXPECT_EQ(tokens.dropped, 0u);
  EXPECT_THAT(tokenizer("ab ab ab ab ab ab ab ab").ids, ElementsAre(4, 2, 2, 2, 2, 2, 2, 3));
  EXPECT_EQ(tokenizer("ab ab ab ab ab ab ab ab").dropped, 2u);
}

TEST(ClipTokenizer, TakesIllFormedUtf8ForReplacementCharacters) {
  const ClipTokenizer tokenizer(kLarge);
  EXPECT_EQ(tokenizer.encode("a\xFF\xC3(\xE2\x82 b"), tokenizer.encode("a\uFFFD\uFFFD(\uFFFD b"));
  EXPECT_EQ(tokenizer.encode("\xED\xA0\x80"), tokenizer.encode("\uFFFD\uFFFD\uFFFD"));
}

TEST(ClipTokenizer, ReadsTokenizerJsonInsteadOfVocabularyAndMerges) {
  auto files = tiny_files();
  const Json vocabulary = Json::parse(files["vocab.json"]);
  for (const Json& merge : {Json("a b</w>"), Json({"a", "b</w>"})}) {
    const Json model = {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array({merge})}};
    const Json added = {{"id", 3}, {"content", "<|endoftext|>"}, {"special", true}, {"normalized", true}};
    const ClipTokenizer tokenizer({{"tokenizer.json", Json({{"model", model}, {"added_tokens", {added}}}).dump()},
                                   {"tokenizer_config.json", R"({"model_max_length": 8})"}},
                                  "model");
    EXPECT_THAT(tokenizer.encode("ab<|ENDOFTEXT|>"), ElementsAre(2, 3));
  }
}

TEST(ClipTokenizer, UnknownBytesAreTheUnknownTokenOrAnError) {
  EXPECT_THAT(ClipTokenizer(tiny_files(), "model").encode("axb"), ElementsAre(0, 3, 1));
  const auto without = tiny_with("tokenizer_config.json", R"({"unk_token": "<unk>"})");
  EXPECT_THAT(without.encode("ab"), ElementsAre(2));
  EXPECT_THROW(without.encode("ax"), ModelError);
}

TEST(ClipTokenizer, LengthComesFromTheConfig) {
  const auto length = [](const std::string& value) {
    return tiny_with("tokenizer_config.json", R"({"model_max_length": )" + value + "}").length();
  };
  EXPECT_EQ(length("4096"), 4096u);
  EXPECT_EQ(length("1000000000000000019884624838656"), 77u);
  EXPECT_EQ(length("1e30"), 77u);
  EXPECT_EQ(length("null"), 77u);
  EXPECT_EQ(tiny_with("tokenizer_config.json", "{}").length(), 77u);
  for (const char* wrong : {"0", "1", "-1", "4097", "100000000000", "77.5", "\"77\"", "[]"}) {
    SCOPED_TRACE(wrong);
    EXPECT_THAT(error_of("tokenizer_config.json", R"({"model_max_length": )" + std::string(wrong) + "}"),
                HasSubstr("model/tokenizer_config.json: model_max_length"));
  }
}

TEST(ClipTokenizer, TimeDoesNotExplode) {
  const ClipTokenizer tokenizer(kLarge);
  std::string marks;
  for (int i = 0; i < 250'000; ++i) marks += i % 2 == 0 ? "\u0301" : "\u0323";
  std::string turned;
  for (int i = 0; i < 100'000; ++i) turned += "<|endoftex";
  const std::clock_t start = std::clock();  // of the processor, which other programs do not slow down
  for (const std::string& text : {std::string(1'000'000, 'a'), "a" + marks, turned, std::string(1'000'000, ' ')}) tokenizer.encode(text);
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 60);
  EXPECT_THROW(tokenizer.encode(std::string((16u << 20) + 1, 'a')), UsageError);
}

TEST(ClipTokenizer, RefusesVocabulariesThatLie) {
  const auto error = [](const std::string& text) { return error_of("vocab.json", text); };
  EXPECT_THAT(error(""), HasSubstr("model/vocab.json: not valid JSON"));
  EXPECT_THAT(error("[]"), HasSubstr("model/vocab.json: expected an object, found []"));
  EXPECT_THAT(error(R"({"a": 0, "b</w>": 0})"), HasSubstr(R"(model/vocab.json: "b</w>": has the id 0, which "a" has)"));
  EXPECT_THAT(error(R"({"a": -1})"), HasSubstr(R"(model/vocab.json: "a": expected an id below 1)"));
  EXPECT_THAT(error(R"({"a": 1})"), HasSubstr(R"(model/vocab.json: "a": expected an id below 1)"));
  EXPECT_THAT(error(R"({"a": 99999999999999999999})"), HasSubstr("expected an id below 1"));
  EXPECT_THAT(error(R"({"a": "0"})"), HasSubstr("expected an id below 1"));
  EXPECT_THAT(error("{\"\xFF\": 0}"), HasSubstr("model/vocab.json: not valid JSON"));
  EXPECT_THAT(error("{}"), HasSubstr(R"(model/merges.txt:2: the token "a" is not in the vocabulary)"));
}

TEST(ClipTokenizer, RefusesMergesThatLie) {
  const auto error = [](const std::string& text) { return error_of("merges.txt", text); };
  EXPECT_EQ(error(""), "no error");
  EXPECT_EQ(error("#version: 0.2\r\na b</w>\r\n"), "no error");
  EXPECT_THAT(error("a b</w>\nab"), HasSubstr("model/merges.txt:2: expected two tokens with one space between them, found \"ab\""));
  EXPECT_THAT(error("\n"), HasSubstr("model/merges.txt:1: expected two tokens"));
  EXPECT_THAT(error("a  b</w>\n"), HasSubstr("model/merges.txt:1: expected two tokens"));
  EXPECT_THAT(error("a c</w>\n"), HasSubstr(R"(model/merges.txt:1: the token "c</w>" is not in the vocabulary)"));
  EXPECT_THAT(error("a a\n"), HasSubstr(R"(model/merges.txt:1: the token "aa" is not in the vocabulary)"));
  EXPECT_THAT(error("a b</w>\na b</w>\n"), HasSubstr("model/merges.txt: merges tokens 0 and 1 twice"));
  EXPECT_THAT(error("a \xFF\n"), HasSubstr("model/merges.txt:1: the token \"\uFFFD\" is not in the vocabulary"));
}

TEST(ClipTokenizer, RefusesConfigsThatLie) {
  const auto error = [](const std::string& text) { return error_of("tokenizer_config.json", text); };
  for (const auto& [config, problem] : std::vector<std::pair<std::string, std::string>>{
           {"1", "expected an object, found 1"},
           {R"({"bos_token": 1})", "\"bos_token\": expected a token, found 1"},
           {R"({"bos_token": ""})", "\"bos_token\": expected a token"},
           {R"({"bos_token": {}})", "\"bos_token\": expected an object with \"content\""},
           {R"({"pad_token": null})", "pad_token: expected a token, found null"},
           {R"({"pad_token": {"content": "a", "lstrip": 1}})", "\"pad_token\": lstrip: expected true or false, found 1"},
           {R"({"image_token": "a"})", "\"image_token\": CLIP's tokenizer has no such token"},
           {R"({"padding_side": "up"})", "padding_side: expected \"left\" or \"right\", found \"up\""},
           {R"({"split_special_tokens": 2})", "split_special_tokens: expected true or false"},
           {R"({"extra_special_tokens": {"a": "b"}})", "extra_special_tokens: expected an array of tokens"},
           {R"({"added_tokens_decoder": []})", "added_tokens_decoder: expected an object"},
           {R"({"added_tokens_decoder": {"x": {"content": "a"}}})", "added_tokens_decoder: expected ids as keys"},
           {R"({"added_tokens_decoder": {"1": "a"}})", "added_tokens_decoder: \"1\": expected an object"}}) {
    EXPECT_THAT(error(config), HasSubstr("model/tokenizer_config.json: " + problem));
  }
  EXPECT_THAT(error_of("special_tokens_map.json", R"({"eos_token": []})"), HasSubstr("model/special_tokens_map.json: \"eos_token\""));
  EXPECT_THAT(error_of("added_tokens.json", R"({"x": "y"})"), HasSubstr("model/added_tokens.json: \"x\": expected an id"));
  EXPECT_THAT(error_of("tokenizer.json", "{}"), HasSubstr("model/tokenizer.json: model: expected an object with vocab and merges"));
  EXPECT_THAT(error_of("added_tokens.json", R"({"x": 1, "y": 1})"), HasSubstr(R"("y" has the id or the content of "x")"));
  const char* const twins = R"({"added_tokens_decoder": {"0": {"content": "X"}, "1": {"content": "x"}}})";
  EXPECT_THAT(error(twins), HasSubstr("cannot be told apart"));
}

TEST(ClipTokenizer, NamesTheFileThatIsMissing) {
  for (const char* name : {"vocab.json", "merges.txt", "tokenizer_config.json"}) {
    auto files = tiny_files();
    files.erase(name);
    try {
      const ClipTokenizer tokenizer(files, "model");
      ADD_FAILURE() << name;
    } catch (const ModelError& error) {
      EXPECT_EQ(error.what(), std::string("model/") + name + ": is missing");
    }
  }
  EXPECT_THROW(ClipTokenizer("/nowhere"), ModelError);
}

}  // namespace
}  // namespace p2p::engine
