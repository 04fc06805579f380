#include "base/private_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temp_folder.hpp"

namespace p2p {
namespace {

namespace fs = std::filesystem;

TEST(PrivateFolder, IsForThisUserAloneWithAllThatIsMadeAboveIt) {
  const TempFolder temporary;
  fs::permissions(temporary.path(), fs::perms{0755});
  std::error_code failed = std::make_error_code(std::errc::io_error);
  for (const char* name : {"a/b", "a/b", "c/d/", "a/b/../e"}) {
    make_private_folders(temporary.path() / name, failed);
    EXPECT_FALSE(failed) << name << failed.message();
  }
  for (const char* name : {"a", "a/b", "c", "c/d", "a/e"}) EXPECT_EQ(fs::status(temporary.path() / name).permissions(), fs::perms{0700});
  EXPECT_EQ(fs::status(temporary.path()).permissions(), fs::perms{0755}) << "was there";
  make_private_folders("", failed);
  EXPECT_FALSE(failed);
}

TEST(PrivateFolder, SaysWhyNot) {
  const TempFolder temporary;
  std::ofstream(temporary.path() / "file") << "x";
  std::error_code failed;
  make_private_folders(temporary.path() / "file", failed);
  EXPECT_EQ(failed, std::errc::not_a_directory);
  make_private_folders(temporary.path() / "file/below", failed);
  EXPECT_EQ(failed, std::errc::not_a_directory);
}

}  // namespace
}  // namespace p2p
