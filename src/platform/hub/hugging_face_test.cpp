#include "platform/hub/hugging_face.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "base/testing/temp_folder.hpp"

namespace p2p::hub {
namespace {

namespace fs = std::filesystem;

HuggingFaceHome home_with(std::map<std::string, std::string> variables) {
  return HuggingFaceHome([variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

TEST(HuggingFaceHome, FindsTheCacheByItsVariables) {
  EXPECT_EQ(home_with({}).cache(), "");
  EXPECT_EQ(home_with({{"HOME", "/h"}}).cache(), "/h/.cache/huggingface/hub");
  EXPECT_EQ(home_with({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}).cache(), "/x/huggingface/hub");
  EXPECT_EQ(home_with({{"HOME", "/h"}, {"HF_HOME", "/f"}}).cache(), "/f/hub");
  EXPECT_EQ(home_with({{"HF_HOME", "/f"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache(), "/old");
  EXPECT_EQ(home_with({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/c"}}).cache(), "/c");
}

TEST(HuggingFaceHome, ReadsTheSavedToken) {
  const TempFolder folder;
  const std::string home = folder.path().string();
  EXPECT_TRUE(home_with({{"HF_HOME", home}}).saved_token().empty());
  write(folder.path() / "token", "hf_saved\n");
  EXPECT_EQ(home_with({{"HF_HOME", home}}).saved_token().expose(), "hf_saved");
  write(folder.path() / "other", " hf_other \nsecond line");
  EXPECT_EQ(home_with({{"HF_HOME", home}, {"HF_TOKEN_PATH", home + "/other"}}).saved_token().expose(), "hf_other");
}

TEST(HuggingFaceHome, MayBeOffline) {
  EXPECT_FALSE(home_with({}).is_offline());
  EXPECT_FALSE(home_with({{"HF_HUB_OFFLINE", "0"}}).is_offline());
  EXPECT_TRUE(home_with({{"HF_HUB_OFFLINE", "1"}}).is_offline());
  EXPECT_TRUE(home_with({{"HF_HUB_OFFLINE", "TRUE"}}).is_offline());
}

TEST(CachedRepository, IsNamedByItsFolder) {
  EXPECT_EQ(cached_repository("models--stabilityai--sd-turbo"), "stabilityai/sd-turbo");
  EXPECT_EQ(cached_repository("models--a--b--c"), "a/b--c");
  for (const char* name : {"", "models--", "models--a", "datasets--a--b", "models----b", "models--..--b", "models--a--b/c"})
    EXPECT_EQ(cached_repository(name), std::nullopt) << name;
  EXPECT_EQ(cached_folder("/c", "a/b--c"), "/c/models--a--b--c");
}

TEST(CachedSnapshot, IsThatOfMainElseTheLatest) {
  const TempFolder cache;
  const fs::path folder = cache.path() / "models--a--b";
  EXPECT_EQ(cached_snapshot(folder), "");
  write(folder / "snapshots/111/x", "");
  write(folder / "snapshots/222/x", "");
  fs::last_write_time(folder / "snapshots/111", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(cached_snapshot(folder), folder / "snapshots/222");
  write(folder / "refs/main", "111");
  EXPECT_EQ(cached_snapshot(folder), folder / "snapshots/111");
  for (const char* commit : {"333", "../../..", "", "/"}) {
    write(folder / "refs/main", commit);
    EXPECT_EQ(cached_snapshot(folder), folder / "snapshots/222") << commit;
  }
}

}  // namespace
}  // namespace p2p::hub
