#include "services/web/web.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace p2p::web {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const std::filesystem::path kFolder = std::filesystem::path(P2P_SOURCE_DIR) / "src/services/web/page";

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Every match of the expression's first group.
std::set<std::string> matches(const std::string& text, const std::string& expression) {
  const std::regex regex(expression);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) found.insert((*at)[1]);
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
  for (const char* path : {"", "index.html", "/index.html", "/page", "/page/", "/page/index.html", "/page/main.js/", "/page/../web.cpp", "//"})
    EXPECT_FALSE(find(path)) << path;
}

TEST(Web, HoldsEveryFileThatItsFilesName) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string text = read(entry.path());
    std::set<std::string> names = matches(text, R"re((?:src|href)="(page/[^"]*)")re");
    for (const std::string& name : matches(text, R"re((?:from|import) '\./([^']*)')re")) names.insert("page/" + name);
    for (const std::string& name : names) EXPECT_TRUE(find("/" + name)) << name << " in " << entry.path();
    count += names.size();
  }
  EXPECT_GT(count, 20u);
}

TEST(Web, HasNoInlineScriptOrStyle) {
  for (const char* path : {"/", "/docs"}) {
    const std::string text(find(path)->bytes);
    EXPECT_EQ(matches(text, R"re((<script(?![^>]* src=)|<style| style=| on[a-z]+=))re"), std::set<std::string>()) << path;
    EXPECT_THAT(text, HasSubstr("src=\"page/"));
  }
}

}  // namespace
}  // namespace p2p::web
