#include "platform/hub/part_file.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.hpp"
#include "base/testing/temp_folder.hpp"

namespace p2p::hub {
namespace {

namespace fs = std::filesystem;

class HubPartFile : public ::testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(path) << text; }

  const RemoteFile file{.path = "a", .size = 6, .git_blob = "ce013625030ba8dba906f756967f9e9ca394464a"};  // of "hello\n"
  const TempFolder folder;
  const fs::path path = folder.path() / "part";
};

TEST_F(HubPartFile, ResumesExistingContent) {
  write("hel");
  PartFile part(path, file);
  EXPECT_EQ(part.size(), 3u);
  part.append("lo\n");
  EXPECT_TRUE(part.is_right());
  PartFile again(path, file);
  EXPECT_EQ(again.size(), 6u);
  EXPECT_TRUE(again.is_right());
}

TEST_F(HubPartFile, DetectsWrongBytesAndRestarts) {
  write("HEL");
  PartFile part(path, file);
  part.append("lo\n");
  EXPECT_FALSE(part.is_right());
  part.restart();
  EXPECT_EQ(part.size(), 0u);
  EXPECT_EQ(fs::file_size(path), 0u);
  part.append("hello\n");
  EXPECT_TRUE(part.is_right());
}

TEST_F(HubPartFile, IncompleteFileIsNotRight) {
  PartFile part(path, file);
  part.append("hello");
  EXPECT_FALSE(part.is_right());
}

TEST_F(HubPartFile, EmptiesTooLongFile) {
  write("hello\nhello\n");
  EXPECT_EQ(PartFile(path, file).size(), 0u);
}

TEST_F(HubPartFile, RefusesLinksAndFolders) {
  fs::create_symlink("/etc/passwd", path);
  EXPECT_THROW(PartFile(path, file), Error);
  EXPECT_THROW(PartFile(::testing::TempDir(), file), Error);
}

}  // namespace
}  // namespace p2p::hub
