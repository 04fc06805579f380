#include "app/network_cache.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/testing/forbid_syscall.hpp"
#include "base/testing/temp_folder.hpp"
#include "platform/blob/signature.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class NetworkCacheTest : public ::testing::Test {
 protected:
  static void save(NetworkCache& cache, const std::string& name, const std::string& bytes) {
    cache.save(name, [&] { return bytes; });
  }
  static std::optional<std::string> load(NetworkCache& cache, const std::string& name) {
    std::optional<std::string> loaded;
    const bool done = cache.load(name, [&](const auto& bytes) { loaded = *bytes; });
    EXPECT_EQ(done, loaded.has_value());
    return loaded;
  }
  void write(const std::string& name, const std::string& bytes) const { std::ofstream(folder / name, std::ios::binary) << bytes; }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder / name, std::ios::binary).rdbuf();
    return text.str();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  /// Runs `work` in a child process and returns its result.
  template <typename Work>
  static pid_t start(Work work) {
    const pid_t child = fork();
    if (child == 0) _exit(work() ? 0 : 1);
    EXPECT_GT(child, 0);
    return child;
  }
  static int end_of(pid_t child) {
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
  }

  TempFolder temporary;
  const fs::path folder = temporary.path() / "caches" / "networks";
};

TEST_F(NetworkCacheTest, LoadsSavedNetworks) {
  const auto cache = NetworkCache::open(folder);
  ASSERT_TRUE(cache);
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
  EXPECT_EQ(load(*cache, "a"), std::nullopt);
  save(*cache, "a", "old");
  save(*cache, "a", "network");
  save(*cache, "b", "");
  const auto next = NetworkCache::open(folder);
  EXPECT_EQ(load(*next, "a"), "network");
  EXPECT_EQ(load(*next, "b"), "");
  EXPECT_EQ(load(*next, "c"), std::nullopt);
  EXPECT_THAT(files(), ElementsAre("a.blob", "b.blob"));
}

TEST_F(NetworkCacheTest, ChecksumIsSha256OfNameAndBytes) {
  save(*NetworkCache::open(folder), "a", "network");
  EXPECT_EQ(read("a.blob").substr(0, 7), "network");
  EXPECT_EQ(blob::to_hex(read("a.blob").substr(7)), "b558846d6ea94953ed01a8504180f359935e68c2cf8dff2e41b1856af25e9633")
      << "printf anetwork | sha256sum";
}

TEST_F(NetworkCacheTest, RefusesForeignOrDamagedFiles) {
  const auto cache = NetworkCache::open(folder);
  save(*cache, "a", "network");
  const std::string good = read("a.blob");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write("a.blob", changed);
    EXPECT_EQ(load(*cache, "a"), std::nullopt) << "byte " << i;
    write("a.blob", good.substr(0, i));
    EXPECT_EQ(load(*cache, "a"), std::nullopt) << i << " bytes";
  }
  write("a.blob", good + "x");
  EXPECT_EQ(load(*cache, "a"), std::nullopt);
  write("a.blob", "network");
  EXPECT_EQ(load(*cache, "a"), std::nullopt) << "another program's";
  write("b.blob", good);
  EXPECT_EQ(load(*cache, "b"), std::nullopt) << "another network's";
  fs::remove(folder / "a.blob");
  fs::create_directory(folder / "a.blob");
  EXPECT_EQ(load(*cache, "a"), std::nullopt);
  fs::remove(folder / "a.blob");
  save(*cache, "a", "network");
  EXPECT_EQ(load(*cache, "a"), "network");
}

TEST_F(NetworkCacheTest, NamesDependOnContent) {
  const auto cache = NetworkCache::open(folder);
  const auto name = [&](const std::string& bytes) { return cache->name_of([&](const auto& sink) { sink(bytes); }); };
  EXPECT_EQ(name("a"), name("a"));
  EXPECT_NE(name("a"), name("b"));
  EXPECT_NE(name(""), name("a"));
}

TEST_F(NetworkCacheTest, RemovesOldestFirst) {
  const auto cache = NetworkCache::open(folder, 250);
  for (const char* name : {"a", "b", "c"}) {
    save(*cache, name, std::string(68, name[0]));
    fs::last_write_time(folder / (name + std::string(".blob")), fs::file_time_type::clock::now() - std::chrono::hours('c' - name[0]));
  }
  save(*cache, "larger than all of it", std::string(251, 'x'));
  EXPECT_THAT(files(), ElementsAre("a.blob", "b.blob", "c.blob"));
  NetworkCache::open(folder, 250);
  EXPECT_THAT(files(), ElementsAre("b.blob", "c.blob"));
}

TEST_F(NetworkCacheTest, RemovesFilesOfKilledProcessesAfterOneHour) {
  NetworkCache::open(folder);
  for (const char* name : {".prompt2pic-1.tmp", ".prompt2pic-2.tmp"}) write(name, "half a netw");
  fs::last_write_time(folder / ".prompt2pic-1.tmp", fs::file_time_type::clock::now() - std::chrono::minutes(61));
  NetworkCache::open(folder);
  EXPECT_THAT(files(), ElementsAre(".prompt2pic-2.tmp")) << "which another process may be writing";
}

TEST_F(NetworkCacheTest, RefusesFolderWritableByOthers) {
  fs::create_directories(folder);
  write("theirs.blob", "network");
  ASSERT_EQ(chmod(folder.c_str(), 0777), 0);
  EXPECT_FALSE(NetworkCache::open(folder));
  EXPECT_THAT(files(), ElementsAre("theirs.blob"));
  fs::create_directory_symlink(temporary.path(), temporary.path() / "link");
  EXPECT_FALSE(NetworkCache::open(temporary.path() / "link"));
  write("file", "");
  EXPECT_FALSE(NetworkCache::open(folder / "file"));
  EXPECT_FALSE(NetworkCache::open(folder / "file" / "below"));
  EXPECT_FALSE(NetworkCache::open("/proc/nowhere"));
  EXPECT_FALSE(NetworkCache::open(""));
}

TEST_F(NetworkCacheTest, SurvivesErrors) {
  const auto cache = NetworkCache::open(folder);
  const auto fail = [](const auto&...) -> std::string { throw std::runtime_error("trouble"); };
  save(*cache, "a", "network");
  EXPECT_FALSE(cache->load("a", fail));
  cache->save("a", fail);
  EXPECT_EQ(load(*cache, "a"), "network");
  EXPECT_EQ(cache->name_of(fail), "");
  save(*cache, "", "network");
  EXPECT_EQ(load(*cache, ""), std::nullopt);
  fs::remove_all(folder);
  save(*cache, "a", "network");
  EXPECT_EQ(load(*cache, "a"), std::nullopt);
}

/// Simulates a file system without permissions.
bool forbid_chmod() {
#ifdef SYS_chmod
  if (!forbid_syscall(SYS_chmod, EPERM)) return false;
#endif
  return forbid_syscall(SYS_fchmod, EPERM) && forbid_syscall(SYS_fchmodat, EPERM);
}

TEST_F(NetworkCacheTest, WorksOnFileSystemWithoutPermissions) {
  const pid_t child = start([&] {
    if (!forbid_chmod() || chmod(temporary.path().c_str(), 0700) == 0) return false;
    const auto cache = NetworkCache::open(folder);
    if (!cache) return false;
    save(*cache, "a", "network");
    return load(*cache, "a") == "network";
  });
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(NetworkCacheTest, ProcessesAndThreadsShareFolder) {
  constexpr std::size_t kSize = 100'000;
  const auto save_and_load = [&](char letter) {
    bool right = true;
    for (int round = 0; round < 20; ++round) {
      const auto cache = NetworkCache::open(folder, 3 * kSize);  // too small for all, so that they remove each other's files
      for (const std::string name : {"one", "two", "three", "four"}) {
        save(*cache, name, name + std::string(kSize, letter));
        const auto loaded = load(*cache, name);
        right = right && (!loaded || *loaded == name + std::string(kSize, loaded->back()));
      }
    }
    return right;
  };
  std::vector<pid_t> children;
  for (const char letter : {'a', 'b', 'c'}) children.push_back(start([&, letter] { return save_and_load(letter); }));
  bool right = false;
  {
    const std::jthread thread([&] { right = save_and_load('d'); });
    EXPECT_TRUE(save_and_load('e'));
  }
  EXPECT_TRUE(right);
  for (const pid_t child : children) EXPECT_EQ(end_of(child), 0);
}

TEST_F(NetworkCacheTest, SurvivesKilledProcesses) {
  const std::string one(1'000'000, '1');
  const std::string two(2'000'000, '2');
  for (int round = 0; round < 10; ++round) {
    std::array<int, 2> saved{};
    ASSERT_EQ(pipe(saved.data()), 0);
    const pid_t child = start([&] {
      const auto cache = NetworkCache::open(folder);
      for (;;) {
        save(*cache, "a", one);
        save(*cache, "a", two);
        if (::write(saved[1], "x", 1) != 1) return false;
      }
    });
    close(saved[1]);
    char byte = 0;
    for (int i = 0; i <= round; ++i) ASSERT_EQ(::read(saved[0], &byte, 1), 1);
    kill(child, SIGKILL);
    EXPECT_EQ(end_of(child), SIGKILL);
    close(saved[0]);
    const auto cache = NetworkCache::open(folder);
    const auto loaded = load(*cache, "a");
    EXPECT_TRUE(loaded == one || loaded == two);
    save(*cache, "b", one);
    EXPECT_EQ(load(*cache, "b"), one);
  }
}

TEST_F(NetworkCacheTest, DefaultsToCacheFolderOfUser) {
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
