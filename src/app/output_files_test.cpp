#include "app/output_files.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class OutputFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder);
    fs::current_path(folder);
  }
  void TearDown() override {
    fs::current_path("/");
    fs::remove_all(folder);
  }
  fs::path folder =
      fs::path(::testing::TempDir()) / (std::string("out-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::vector<std::uint8_t> bytes{1, 2, 3};
};

TEST_F(OutputFiles, NamesFollowFileAndCount) {
  EXPECT_THAT(output_files("fox.png", 1, 1), ElementsAre("fox.png"));
  EXPECT_THAT(output_files("fox", 1, 1), ElementsAre("fox.png"));
  EXPECT_THAT(output_files("./a.b.PNG", 1, 1), ElementsAre("./a.b.PNG"));
  EXPECT_THAT(output_files("fox.png", 1, 3), ElementsAre("fox-1.png", "fox-2.png", "fox-3.png"));
  EXPECT_THAT(output_files("", 7, 1), ElementsAre("prompt2pic-7.png"));
  EXPECT_TRUE(fs::is_empty(folder)) << "trying whether the folder can be written to leaves nothing";
}

TEST_F(OutputFiles, NamesOfItsOwnOverwriteNothing) {
  write_file("prompt2pic-7.png", bytes);
  EXPECT_THAT(output_files("", 7, 1), ElementsAre("prompt2pic-7_2.png"));
  write_file("prompt2pic-7-2.png", bytes);
  EXPECT_THAT(output_files("", 7, 2), ElementsAre("prompt2pic-7_2-1.png", "prompt2pic-7_2-2.png"));
}

TEST_F(OutputFiles, WhatCannotBeIsRefusedAtOnce) {
  fs::create_directory("folder.png");
  fs::create_directory("pair-2.png");
  ASSERT_EQ(::mkfifo("pipe.png", 0600), 0);
  for (const char* wrong : {"fox.jpg", "-", "folder.png", "folder.png/", "missing/fox.png", "pipe.png"}) {
    EXPECT_THROW(output_files(wrong, 1, 1), UsageError) << wrong;
  }
  EXPECT_THROW(output_files("pair.png", 1, 2), UsageError);
  EXPECT_THROW(output_files(std::string(300, 'x') + ".png", 1, 1), Error);
}

TEST_F(OutputFiles, WritingReplacesWhatIsThere) {
  write_file("fox.png", bytes);
  write_file("fox.png", std::vector<std::uint8_t>{9});
  EXPECT_EQ(fs::file_size("fox.png"), 1u);
  EXPECT_THROW(write_file("missing/fox.png", bytes), Error);
  fs::create_directory("taken.png");
  EXPECT_THROW(write_file("taken.png", bytes), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2) << "no temporary file stays";
}

TEST_F(OutputFiles, LinksAreFollowed) {
  write_file("real.png", bytes);
  fs::create_symlink("real.png", "link.png");
  EXPECT_THAT(output_files("link.png", 1, 1), ElementsAre(fs::canonical("real.png")));
}

}  // namespace
}  // namespace p2p::app
