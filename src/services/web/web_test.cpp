#include "services/web/web.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace p2p::web {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

const std::filesystem::path kSource = std::filesystem::path(P2P_SOURCE_DIR) / "src";
const std::filesystem::path kFolder = kSource / "services/web/page";

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// What stands between `before` and `after`, everywhere in the text.
std::set<std::string> all_between(std::string_view text, std::string_view before, char after) {
  std::set<std::string> found;
  for (std::size_t at = text.find(before); at != text.npos; at = text.find(before, at + 1)) {
    const std::size_t from = at + before.size();
    found.emplace(text.substr(from, text.find(after, from) - from));
  }
  return found;
}

/// What the first group of the pattern matches, everywhere in the text.
std::set<std::string> all_matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

/// The codes of errors in the API's sources.
std::set<std::string> codes_of_sources() {
  const std::string messages = read(kSource / "platform/messages/messages.hpp");
  const std::size_t reasons = messages.find("namespace reason {");
  std::set<std::string> codes =
      all_matches(messages.substr(reasons, messages.find("}  // namespace reason") - reasons), R"re( = "([a-z_]+)";)re");
  codes.erase("withheld");  // content_policy_violation
  codes.merge(all_matches(read(kSource / "services/requests/refused.hpp"), R"re("([a-z_]+)"[,}])re"));
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "services/api")) {
    const std::string text = entry.is_regular_file() ? read(entry.path()) : "";
    codes.merge(all_matches(text, R"re([45]\d\d, "([a-z_]+)")re"));
    codes.merge(all_matches(text, R"re(status == [45]\d\d \? "([a-z_]+)")re"));
  }
  return codes;
}

TEST(Web, FindsThePageAndTheDocumentation) {
  const auto page = find("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_THAT(std::string(page->bytes), StartsWith("<!doctype html>"));
  const auto docs = find("/docs");
  ASSERT_TRUE(docs);
  EXPECT_THAT(std::string(docs->bytes), StartsWith("<!doctype html>"));
  EXPECT_NE(page->bytes, docs->bytes);
}

TEST(Web, HoldsTheBytesOfEveryFileWithItsOwnTag) {
  std::set<std::string_view> tags;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename();
    const auto file = find(name == "index.html" ? "/" : name == "docs.html" ? "/docs" : "/page/" + name);
    ASSERT_TRUE(file) << name;
    EXPECT_EQ(file->bytes, read(entry.path())) << name;
    EXPECT_THAT(std::string(file->etag), MatchesRegex("\"[0-9a-f]+\"")) << name;
    tags.insert(file->etag);
    ++count;
  }
  EXPECT_GT(count, 10u);
  EXPECT_EQ(tags.size(), count);
}

TEST(Web, NamesTheContentType) {
  EXPECT_EQ(find("/page/main.js")->content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(find("/page/theme.css")->content_type, "text/css; charset=utf-8");
  EXPECT_EQ(find("/page/icon.svg")->content_type, "image/svg+xml");
}

TEST(Web, FindsNothingElse) {
  for (const char* path :
       {"", "index.html", "/index.html", "/page", "/page/", "/page/index.html", "/page/main.js/", "/page/../web.cpp", "//"})
    EXPECT_FALSE(find(path)) << path;
}

TEST(Web, HoldsEveryFileThatItsFilesName) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string text = read(entry.path());
    std::set<std::string> names;
    for (const char* before : {"src=\"page/", "href=\"page/"}) names.merge(all_between(text, before, '"'));
    for (const char* before : {"from './", "import './"}) names.merge(all_between(text, before, '\''));
    for (const std::string& name : names) EXPECT_TRUE(find("/page/" + name)) << name << " in " << entry.path();
    count += names.size();
  }
  EXPECT_GT(count, 20u);
}

TEST(Web, HasATextInBothLanguagesForEveryCodeOfAnError) {
  const Json api = Json::parse(find("/openapi.json")->bytes);
  const Json& error = api["components"]["schemas"]["error"]["properties"]["error"]["properties"];
  const auto documented = error["code"]["enum"].get<std::set<std::string>>();
  const std::set<std::string> codes = codes_of_sources();
  EXPECT_GT(codes.size(), 25u);
  for (const std::string& code : codes) EXPECT_THAT(documented, Contains(code)) << "docs/openapi.yaml lacks it";
  for (const char* name : {"texts_en.js", "texts_ru.js"}) {
    const std::string text = read(kFolder / name);
    const auto texts = all_matches(text.substr(text.find("export const errors")), R"re(\n  ([a-z_]+): '.)re");
    for (const std::string& code : documented) EXPECT_THAT(texts, Contains(code)) << name;
  }
}

TEST(Web, HasNoInlineScriptOrStyle) {
  for (const char* path : {"/", "/docs"}) {
    const std::string text(find(path)->bytes);
    for (const std::string& script : all_between(text, "<script", '>')) EXPECT_THAT(script, HasSubstr(" src=")) << path;
    for (const char* inline_code : {"<style", " style=", " onclick=", " onload=", "javascript:"})
      EXPECT_THAT(text, Not(HasSubstr(inline_code))) << path;
    EXPECT_THAT(text, HasSubstr("src=\"page/"));
  }
}

}  // namespace
}  // namespace p2p::web
