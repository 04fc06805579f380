#include "base/temporary_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "base/testing/forbid_syscall.hpp"
#include "base/testing/temp_folder.hpp"

namespace p2p {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void put(const fs::path& file, std::string_view text, bool sync = false) {
  TemporaryFile temporary(file);
  temporary.write(text);
  if (sync) temporary.sync();
  temporary.replace();
}

bool create(const fs::path& file, std::string_view text) {
  TemporaryFile temporary(file);
  temporary.write(text);
  return temporary.create();
}

class TemporaryFileTest : public ::testing::Test {
 protected:
  std::ptrdiff_t files() const { return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()); }

  TempFolder folder;
  fs::path file = folder.path() / "file";
};

TEST_F(TemporaryFileTest, ReplacesWhole) {
  put(file, "old and longer");
  put(file, "new", true);
  EXPECT_EQ(text_of(file), "new");
  EXPECT_EQ(files(), 1);
}

TEST_F(TemporaryFileTest, VanishesUnlessPutInPlace) {
  {
    TemporaryFile temporary(file);
    temporary.write("half");
    ASSERT_EQ(files(), 1);
    EXPECT_TRUE(TemporaryFile::is_name(fs::directory_iterator(folder.path())->path()));
  }
  EXPECT_EQ(files(), 0);
  EXPECT_FALSE(TemporaryFile::is_name(file));
}

TEST_F(TemporaryFileTest, PermissionsFollowTheUmask) {
  const mode_t before = umask(027);
  put(file, "");
  TemporaryFile(folder.path() / "secret", 0600).replace();
  umask(before);
  EXPECT_EQ(fs::status(file).permissions(), static_cast<fs::perms>(0640));
  EXPECT_EQ(fs::status(folder.path() / "secret").permissions(), static_cast<fs::perms>(0600));
}

TEST_F(TemporaryFileTest, ErrorsNameTheTarget) {
  try {
    TemporaryFile(folder.path() / "missing" / "file");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), ENOENT);
    EXPECT_EQ(error.what(), (folder.path() / "missing" / "file").string() + " cannot be written: No such file or directory");
  }
  fs::create_directory(file);
  EXPECT_THROW(put(file, ""), FileError);
  EXPECT_FALSE(create(file, ""));
  EXPECT_EQ(files(), 1);
}

TEST_F(TemporaryFileTest, ThreadsAndProcessesNeverMixTheirFiles) {
  constexpr int kRounds = 50;
  const auto write_many = [&](char letter) {
    const fs::path own = folder.path() / std::string(1, letter);
    const std::string bytes(10'000, letter);
    bool right = true;
    for (int i = 0; i < kRounds; ++i) {
      put(own, bytes);
      put(file, bytes);  // shared: the last one wins, whole
      const std::string shared = text_of(file);
      right = right && text_of(own) == bytes && shared == std::string(10'000, shared.empty() ? '?' : shared.front());
    }
    return right;
  };
  std::vector<pid_t> children;
  for (const char letter : {'a', 'b', 'c'}) {
    children.push_back(fork());
    ASSERT_GE(children.back(), 0);
    if (children.back() == 0) _exit(write_many(letter) ? 0 : 1);
  }
  std::array<bool, 3> right{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < right.size(); ++i) threads.emplace_back([&, i] { right[i] = write_many("xyz"[i]); });
  }
  EXPECT_THAT(right, ::testing::Each(true));
  for (const pid_t child : children) {
    int status = 1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(files(), 7);
}

TEST_F(TemporaryFileTest, OneThreadAloneCreatesAFile) {
  for (int round = 0; round < 50; ++round) {
    const fs::path target = folder.path() / std::to_string(round);
    std::atomic<int> created = 0;
    std::string winner;
    {
      std::vector<std::jthread> threads;
      for (const char* name : {"a", "b", "c", "d"}) {
        threads.emplace_back([&, name] {
          if (create(target, name) && ++created == 1) winner = name;
        });
      }
    }
    EXPECT_EQ(created, 1);
    EXPECT_EQ(text_of(target), winner);
  }
  EXPECT_EQ(files(), 50);
}

TEST_F(TemporaryFileTest, CreatesWhereTheFileSystemKnowsPlainRenameAlone) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool right = forbid_syscall(SYS_renameat2, EINVAL) && renameat2(0, "", 0, "", RENAME_NOREPLACE) != 0 && errno == EINVAL &&
                       create(file, "first") && !create(file, "second") && text_of(file) == "first";
    _exit(right && files() == 1 ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace p2p
