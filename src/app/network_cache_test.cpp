#include "app/network_cache.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace p2p::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NetworkCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/networks-XXXXXX";
    folder = fs::path(mkdtemp(pattern.data())) / "cache";
  }
  void TearDown() override { fs::remove_all(folder.parent_path()); }

  void write(const std::string& name, const std::string& bytes) const { std::ofstream(folder / name) << bytes; }
  std::vector<std::string> blobs() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".blob") names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }

  fs::path folder;
};

TEST_F(NetworkCacheTest, WhatWasSealedStays) {
  const NetworkCache cache(folder);
  EXPECT_EQ(fs::status(folder).type(), fs::file_type::directory);
  write("a.blob", "network");
  write("b.blob", "");
  cache.seal();
  const NetworkCache next(folder);
  EXPECT_THAT(blobs(), ElementsAre("a.blob", "b.blob"));
  std::ostringstream sums;
  sums << std::ifstream(folder / "sums").rdbuf();
  EXPECT_THAT(sums.str(), HasSubstr("3009be769fb8f956e8413ee9f3e0836e34968bc40457d0a10c549d2edcf00cc1  a.blob\n")) << "as sha256sum has it";
}

TEST_F(NetworkCacheTest, WhatWasNotSealedOrChangedSinceGoes) {
  const NetworkCache cache(folder);
  write("kept.blob", "network");
  write("changed.blob", "network");
  cache.seal();
  write("changed.blob", "netw0rk");
  write("unsealed.blob", "half a netw");
  const NetworkCache next(folder);
  EXPECT_THAT(blobs(), ElementsAre("kept.blob"));
}

TEST_F(NetworkCacheTest, AWrongListIsNoList) {
  const NetworkCache cache(folder);
  write("a.blob", "network");
  for (const char* sums : {"", "\xff\xfe", "a.blob", "0000  a.blob\n"}) {
    write("a.blob", "network");
    write("sums", sums);
    const NetworkCache next(folder);
    EXPECT_THAT(blobs(), IsEmpty()) << sums;
  }
}

TEST_F(NetworkCacheTest, TheOldestMakeRoom) {
  const NetworkCache cache(folder);
  for (const char* name : {"a.blob", "b.blob", "c.blob"}) {
    write(name, std::string(100, name[0]));
    fs::last_write_time(folder / name, fs::file_time_type::clock::now() - std::chrono::hours('c' - name[0]));
  }
  cache.seal();
  const NetworkCache next(folder, 250);
  EXPECT_THAT(blobs(), ElementsAre("b.blob", "c.blob"));
}

TEST_F(NetworkCacheTest, AFolderThatOthersMayWriteToIsNotUsed) {
  fs::create_directories(folder);
  write("theirs.blob", "network");
  ASSERT_EQ(chmod(folder.c_str(), 0777), 0);
  const NetworkCache cache(folder);
  cache.seal();
  EXPECT_FALSE(fs::exists(folder / "sums"));
  EXPECT_THAT(blobs(), ElementsAre("theirs.blob"));
  NetworkCache("/proc/nowhere").seal();
  NetworkCache("").seal();
}

TEST_F(NetworkCacheTest, TheUsersFolderOfCaches) {
  setenv("HOME", "/home/u", 1);
  unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(networks_folder(""), "/home/u/.cache/prompt2pic/networks");
  setenv("XDG_CACHE_HOME", "/c", 1);
  EXPECT_EQ(networks_folder(""), "/c/prompt2pic/networks");
  EXPECT_EQ(networks_folder("/x"), "/x");
  EXPECT_EQ(networks_folder("off"), "");
}

}  // namespace
}  // namespace p2p::app
