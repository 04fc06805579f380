#include "services/web/web.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

namespace p2p::web {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

const std::filesystem::path kFolder = std::filesystem::path(P2P_SOURCE_DIR) / "src/services/web/page";

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
