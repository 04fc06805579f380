#include "base/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temp_folder.hpp"

namespace p2p {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(std::string_view text, JsonLimits limits = {}) {
  try {
    parse_json(text, "x.json", limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(ParseJson, BuildsWhatTheTextSays) {
  constexpr std::string_view kText = R"( {"a": [1, -2, 3.5, true, null, "я", [], {}], "b": {"c": {"d": [[1], [2]]}, "": "\u0000"}} )";
  EXPECT_EQ(parse_json(kText, "x.json"), Json::parse(kText));
  EXPECT_EQ(parse_json("7", "x.json"), 7);
  EXPECT_TRUE(parse_json("18446744073709551615", "x.json").is_number_unsigned());
}

TEST(ParseJson, SaysWhereAndWhat) {
  EXPECT_THAT(error_of("{\"a\": 1,\n \"b\": ]}"),
              AllOf(StartsWith("x.json: "), HasSubstr("line 2, column 7"), HasSubstr("unexpected ']'")));
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const std::string text :
       {"", "{", "[1,]", "{\"a\" 1}", "[1] 2", "// no\n1", "NaN", "[Infinity]", "1e999", "'a'", "\"a\nb\"", "01"}) {
    EXPECT_THAT(error_of(text), StartsWith("x.json: not valid JSON: ")) << text;
  }
}

TEST(ParseJson, RefusesDuplicateKeys) {
  EXPECT_THAT(error_of(R"({"a": {"b": 1, "b": 2}})"), HasSubstr("the key \"b\" is there twice"));
  EXPECT_EQ(error_of(R"({"a": {"b": 1}, "b": {"b": 1}})"), "no error");
}

TEST(ParseJson, RefusesDepth) {
  EXPECT_EQ(error_of(nested(64)), "no error");
  EXPECT_THAT(error_of(nested(65)), HasSubstr("deeper than 64 levels"));
  EXPECT_THAT(error_of("[{\"a\": [0]}]", {.depth = 2}), HasSubstr("deeper than 2 levels"));
  EXPECT_THAT(error_of(std::string(5'000'000, '[')), HasSubstr("deeper than 64 levels"));
}

TEST(ParseJson, RefusesTooManyValues) {
  EXPECT_EQ(error_of(R"([{"a": 1}, [], ""])", {.values = 5}), "no error");
  EXPECT_THAT(error_of(R"([{"a": 1}, [], "", null])", {.values = 5}), HasSubstr("x.json: not valid JSON: more than 5 values"));
  const auto zeros = [](std::size_t count) {
    std::string text = "[0";
    while (--count > 0) text += ",0";
    return text + "]";
  };
  EXPECT_EQ(error_of(zeros(999), {.values = 1000}), "no error");
  EXPECT_THAT(error_of(zeros(1000), {.values = 1000}), HasSubstr("more than 1000 values"));
  EXPECT_THAT(error_of(zeros(1000) + "!", {.values = 1000}), HasSubstr("more than 1000 values")) << "the rest is not looked at";
  EXPECT_EQ(JsonLimits{}.values, 100'000u);
}

TEST(ParseJson, RefusesWhatIsNotUtf8AndZeroBytes) {
  for (const std::string text : {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xd0\"", "{\"\xf5\x80\x80\x80\": 1}", "\"\\ud800\""}) {
    const std::string error = error_of(text);
    EXPECT_THAT(error, StartsWith("x.json: not valid JSON: "));
    EXPECT_NO_THROW(Json(error).dump()) << "the message itself must be UTF-8";
  }
  EXPECT_THAT(error_of(std::string_view("{}\0x", 4)), HasSubstr("zero byte"));
}

TEST(ParseJson, KeepsMessagesShort) {
  EXPECT_LT(error_of("\"" + std::string(1'000'000, 'a')).size(), 300u);
  EXPECT_LT(error_of("1" + std::string(1'000'000, '0') + "e1").size(), 300u);
  const std::string key = "\"" + std::string(1'000'000, 'a') + "\": 1";
  EXPECT_LT(error_of("{" + key + "," + key + "}").size(), 300u);
}

TEST(ReadJson, NamesTheFile) {
  const TempFolder folder;
  const std::string path = folder.path() / "file.json";
  std::ofstream(path) << "[1, 2]";
  EXPECT_EQ(read_json(path), Json({1, 2}));
  const auto error = [](const std::filesystem::path& file, std::size_t max_bytes) -> std::string {
    try {
      read_json(file, max_bytes);
    } catch (const Error& caught) {
      return caught.what();
    }
    return "no error";
  };
  EXPECT_EQ(error(path, 5), path + ": 6 bytes; at most 5 are read");
  EXPECT_THAT(error(path + ".none", 99), AllOf(StartsWith(path + ".none: "), HasSubstr("No such file")));
  EXPECT_THAT(error(testing::TempDir(), 99), HasSubstr("cannot be read"));
  EXPECT_THAT(error("/dev/zero", 99), HasSubstr("cannot be read"));
}

TEST(Excerpt, IsShortUtf8) {
  EXPECT_EQ(excerpt("a\nb"), "\"a\\nb\"");
  EXPECT_EQ(excerpt(Json({1, "я"})), "[1,\"я\"]");
  std::string text;
  for (int i = 0; i < 100; ++i) {
    EXPECT_NO_THROW(Json(excerpt(text)).dump());
    EXPECT_LE(excerpt(text).size(), 99u);
    text += "я";
  }
}

}  // namespace
}  // namespace p2p
