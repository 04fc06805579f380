#include "engine/checkpoint/config_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/testing/temp_folder.hpp"
#include "engine/testing/errors.hpp"

namespace p2p::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

ConfigReader reader(std::string_view text) { return {"m/config.json", parse_json(text, "m/config.json")}; }

TEST(ConfigReader, ReadsValues) {
  const ConfigReader config =
      reader(R"({"c": 1536, "big": 18446744073709551615, "low": -9223372036854775808, "eps": 1e-6, "one": 1, "bias": false,
                                         "act": "gelu", "heads": [-1, 16], "skip": [true, false], "levels": ["C", "CT"], "none": []})");
  EXPECT_EQ(config.size("c", 1, 65536), 1536u);
  EXPECT_EQ(config.size("big", 1, SIZE_MAX), SIZE_MAX);
  EXPECT_EQ(config.integer("low", LLONG_MIN, 0), LLONG_MIN);
  EXPECT_EQ(config.number("eps", 0, 1), 1e-6);
  EXPECT_EQ(config.number("one", 0, 1), 1.0);
  EXPECT_FALSE(config.boolean("bias"));
  EXPECT_EQ(config.text("act"), "gelu");
  EXPECT_THAT(config.integers("heads", -1, 64), ElementsAre(-1, 16));
  EXPECT_THAT(config.booleans("skip"), ElementsAre(true, false));
  EXPECT_THAT(config.texts("levels"), ElementsAre("C", "CT"));
  EXPECT_THAT(config.integers("none", 0, 1), ElementsAre());
}

TEST(ConfigReader, AbsentAndNullTakeTheFallback) {
  const ConfigReader config = reader(R"({"null": null})");
  for (const char* key : {"absent", "null"}) {
    EXPECT_EQ(config.size(key, 1, 9, 5), 5u);
    EXPECT_EQ(config.integer(key, 1, 9, -5), -5);
    EXPECT_EQ(config.number(key, 0, 1, 0.5), 0.5);
    EXPECT_TRUE(config.boolean(key, true));
    EXPECT_EQ(config.text(key, "gelu"), "gelu");
    EXPECT_THAT(config.integers(key, 1, 9, {{1, 2}}), ElementsAre(1, 2));
    EXPECT_THAT(config.booleans(key, {{true}}), ElementsAre(true));
    EXPECT_THAT(config.texts(key, {{"a"}}), ElementsAre("a"));
  }
  EXPECT_EQ(golden::error_of<ModelError>([&] { config.text("absent"); }), "m/config.json: absent: expected a string, found no such key");
  EXPECT_EQ(golden::error_of<ModelError>([&] { config.boolean("null"); }), "m/config.json: null: expected a boolean, found null");
}

TEST(ConfigReader, RefusesOtherKindsAndRanges) {
  const auto size = [](const ConfigReader& config) { config.size("k", 1, 65536, 8); };
  const auto integer = [](const ConfigReader& config) { config.integer("k", -4, 4, 0); };
  const auto number = [](const ConfigReader& config) { config.number("k", 0, 1.5, 0); };
  const auto boolean = [](const ConfigReader& config) { config.boolean("k", true); };
  const auto text = [](const ConfigReader& config) { config.text("k", ""); };
  const auto integers = [](const ConfigReader& config) { config.integers("k", 1, 65536, {{1}}); };
  const auto booleans = [](const ConfigReader& config) { config.booleans("k", {{true}}); };
  const auto texts = [](const ConfigReader& config) { config.texts("k", {{"a"}}); };

  const struct {
    std::string value;
    std::function<void(const ConfigReader&)> get;
    std::string problem;
  } rows[] = {
      {"0", size, "k: expected an integer from 1 to 65536, found 0"},
      {"-1", size, "k: expected an integer from 1 to 65536, found -1"},
      {"65537", size, "k: expected an integer from 1 to 65536, found 65537"},
      {"64.0", size, "k: expected an integer from 1 to 65536, found 64.0"},
      {"1e3", size, "k: expected an integer from 1 to 65536, found 1000.0"},
      {"true", size, "k: expected an integer from 1 to 65536, found true"},
      {"\"64\"", size, "k: expected an integer from 1 to 65536, found \"64\""},
      {"[64]", size, "k: expected an integer from 1 to 65536, found [64]"},
      {"18446744073709551617", size, "k: expected an integer from 1 to 65536, found 1.8446744073709552e+19"},
      {"18446744073709551615", integer, "k: expected an integer from -4 to 4, found 18446744073709551615"},
      {"-5", integer, "k: expected an integer from -4 to 4, found -5"},
      {"1.6", number, "k: expected a number from 0.0 to 1.5, found 1.6"},
      {"-1e-9", number, "k: expected a number from 0.0 to 1.5, found -1e-09"},
      {"false", number, "k: expected a number from 0.0 to 1.5, found false"},
      {"\"nan\"", number, "k: expected a number from 0.0 to 1.5, found \"nan\""},
      {"1", boolean, "k: expected a boolean, found 1"},
      {"\"true\"", boolean, "k: expected a boolean, found \"true\""},
      {"7", text, "k: expected a string, found 7"},
      {"\"abc\"", integers, "k: expected a list of integers from 1 to 65536, found \"abc\""},
      {"64", integers, "k: expected a list of integers from 1 to 65536, found 64"},
      {"[2, 2.5]", integers, "k[1]: expected an integer from 1 to 65536, found 2.5"},
      {"[null]", integers, "k[0]: expected an integer from 1 to 65536, found null"},
      {"[true, 0]", booleans, "k[1]: expected a boolean, found 0"},
      {"{}", booleans, "k: expected a list of booleans, found {}"},
      {"[\"a\", []]", texts, "k[1]: expected a string, found []"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(golden::error_of<ModelError>([&] { row.get(reader("{\"k\": " + row.value + "}")); }), "m/config.json: " + row.problem);
  }
}

TEST(ConfigReader, RefusesFiles) {
  const TempFolder folder;
  const std::string path = folder.path() / "config.json";
  const auto error = [&](const std::string& text) {
    std::ofstream(path) << text;
    return golden::error_of<ModelError>([&] { ConfigReader{path}; });
  };
  EXPECT_EQ(error("{}"), "no error");
  EXPECT_EQ(error("[1]"), path + ": expected an object, found [1]");
  EXPECT_THAT(error("{\"a\": NaN}"), StartsWith(path + ": not valid JSON: "));
  EXPECT_THAT(error("{\"a\": -Infinity}"), StartsWith(path + ": not valid JSON: "));
  EXPECT_THAT(error("{\"a\": 1e400}"), HasSubstr("number overflow"));
  EXPECT_THAT(error("{\"a\": 1, \"a\": 2}"), HasSubstr("the key \"a\" is there twice"));
  EXPECT_THAT(error("{\"a\": " + std::string(100, '[') + std::string(100, ']') + "}"), HasSubstr("deeper than 64 levels"));
  EXPECT_THAT(error(std::string(2 << 20, ' ')), HasSubstr("at most"));
  EXPECT_THAT(error(""), StartsWith(path + ": not valid JSON: "));
  EXPECT_THAT(golden::error_of<ModelError>([&] { ConfigReader{path + ".none"}; }), StartsWith(path + ".none: cannot be read"));
}

}  // namespace
}  // namespace p2p::engine
