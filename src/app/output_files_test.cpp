#include "app/output_files.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "base/testing/temp_folder.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class OutputFiles : public ::testing::Test {
 protected:
  void SetUp() override { fs::current_path(folder); }
  void TearDown() override { fs::current_path("/"); }

  const TempFolder temporary;
  const fs::path folder = temporary.path();
  const std::vector<std::uint8_t> bytes{1, 2, 3};
};

TEST_F(OutputFiles, NamesDependOnFileAndCount) {
  EXPECT_THAT(output_files("fox.png", 1, 1), ElementsAre("fox.png"));
  EXPECT_THAT(output_files("fox", 1, 1), ElementsAre("fox.png"));
  EXPECT_THAT(output_files("./a.b.PNG", 1, 1), ElementsAre("./a.b.PNG"));
  EXPECT_THAT(output_files("fox.png", 1, 3), ElementsAre("fox-1.png", "fox-2.png", "fox-3.png"));
  EXPECT_THAT(output_files("fox.JPG", 1, 2), ElementsAre("fox-1.JPG", "fox-2.JPG"));
  EXPECT_THAT(output_files("fox.jpeg", 1, 1), ElementsAre("fox.jpeg"));
  EXPECT_THAT(output_files("fox.webp", 1, 1), ElementsAre("fox.webp"));
  EXPECT_THAT(output_files("", 7, 1), ElementsAre("prompt2pic-7.png"));
  EXPECT_TRUE(fs::is_empty(folder)) << "trying whether the folder can be written to leaves nothing";
}

TEST_F(OutputFiles, FormatDependsOnExtension) {
  const engine::Image image{.width = 1, .height = 1, .rgb = {1, 2, 3}};
  const auto begins = [&](const char* file, const std::vector<std::uint8_t>& first) {
    const auto encoded = encode_for(file, image, "");
    return std::ranges::equal(std::span(encoded).first(first.size()), first);
  };
  EXPECT_TRUE(begins("fox.PNG", {0x89, 'P', 'N', 'G'}));
  EXPECT_TRUE(begins("fox", {0x89, 'P', 'N', 'G'})) << "where a link leads";
  EXPECT_TRUE(begins("a/fox.jpg", {0xFF, 0xD8, 0xFF}));
  EXPECT_TRUE(begins("fox.Jpeg", {0xFF, 0xD8, 0xFF}));
  EXPECT_TRUE(begins("fox.webp", {'R', 'I', 'F', 'F'}));
}

TEST_F(OutputFiles, GeneratedNamesAreUnused) {
  write_file("prompt2pic-7.png", bytes);
  EXPECT_THAT(output_files("", 7, 1), ElementsAre("prompt2pic-7_2.png"));
  write_file("prompt2pic-7-2.png", bytes);
  EXPECT_THAT(output_files("", 7, 2), ElementsAre("prompt2pic-7_2-1.png", "prompt2pic-7_2-2.png"));
}

TEST_F(OutputFiles, RefusesImpossibleNames) {
  fs::create_directory("folder.png");
  fs::create_directory("pair-2.png");
  ASSERT_EQ(::mkfifo("pipe.png", 0600), 0);
  for (const char* wrong : {"fox.gif", "fox.", "-", "folder.png", "folder.png/", "missing/fox.png", "pipe.png"}) {
    EXPECT_THROW(output_files(wrong, 1, 1), UsageError) << wrong;
  }
  EXPECT_THROW(output_files("pair.png", 1, 2), UsageError);
  EXPECT_THROW(output_files(std::string(300, 'x') + ".png", 1, 1), Error);
}

TEST_F(OutputFiles, WritingReplacesExistingFile) {
  write_file("fox.png", bytes);
  write_file("fox.png", std::vector<std::uint8_t>{9});
  EXPECT_EQ(fs::file_size("fox.png"), 1u);
  EXPECT_THROW(write_file("missing/fox.png", bytes), Error);
  fs::create_directory("taken.png");
  EXPECT_THROW(write_file("taken.png", bytes), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2) << "no temporary file stays";
}

TEST_F(OutputFiles, DoesNotOverwriteNamesTakenMeanwhile) {
  auto one = output_files("", 7, 1);
  write_file("prompt2pic-7.png", bytes);
  write_new_file(one, 0, "", 7, std::vector<std::uint8_t>{9});
  EXPECT_THAT(one, ElementsAre("prompt2pic-7_2.png"));
  EXPECT_EQ(fs::file_size("prompt2pic-7.png"), bytes.size());
  EXPECT_EQ(fs::file_size("prompt2pic-7_2.png"), 1u);

  auto three = output_files("", 7, 3);
  write_new_file(three, 0, "", 7, bytes);
  write_file("prompt2pic-7-2.png", bytes);
  write_new_file(three, 1, "", 7, bytes);
  write_new_file(three, 2, "", 7, bytes);
  EXPECT_THAT(three, ElementsAre("prompt2pic-7-1.png", "prompt2pic-7_2-2.png", "prompt2pic-7_2-3.png"));
}

TEST_F(OutputFiles, RunsWithSameSeedShareFolder) {
  constexpr std::size_t kRuns = 4;
  constexpr std::size_t kPictures = 25;
  std::array<std::vector<fs::path>, kRuns> files;
  {
    std::vector<std::jthread> runs;
    for (std::size_t run = 0; run < kRuns; ++run) {
      runs.emplace_back([&, run] {
        files[run] = output_files("", 7, kPictures);
        for (std::size_t i = 0; i < kPictures; ++i)
          write_new_file(files[run], i, "", 7, std::vector<std::uint8_t>{static_cast<std::uint8_t>(run), static_cast<std::uint8_t>(i)});
      });
    }
  }
  std::set<fs::path> all;
  for (std::size_t run = 0; run < kRuns; ++run) {
    for (std::size_t i = 0; i < kPictures; ++i) {
      all.insert(files[run][i]);
      std::ifstream in(files[run][i], std::ios::binary);
      EXPECT_EQ(in.get(), static_cast<int>(run)) << files[run][i];
      EXPECT_EQ(in.get(), static_cast<int>(i)) << files[run][i];
    }
  }
  EXPECT_EQ(all.size(), kRuns * kPictures);
  EXPECT_EQ(static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {})), all.size());
}

TEST_F(OutputFiles, FollowsLinks) {
  write_file("real.png", bytes);
  fs::create_symlink("real.png", "link.png");
  EXPECT_THAT(output_files("link.png", 1, 1), ElementsAre(fs::canonical("real.png")));
}

TEST_F(OutputFiles, PatternsTakeTheNextFreeNumbers) {
  EXPECT_THAT(output_files("out-%03d.webp", 1, 2), ElementsAre("out-001.webp", "out-002.webp"));
  EXPECT_THAT(output_files("out-%d", 1, 1), ElementsAre("out-1.png"));
  const std::vector<std::uint8_t> bytes{1};
  auto two = output_files("out-%03d.webp", 1, 2);
  write_file("out-001.webp", bytes);
  write_new_file(two, 0, "out-%03d.webp", 1, bytes);
  EXPECT_THAT(two, ElementsAre("out-002.webp", "out-003.webp"));
  EXPECT_THROW(output_files("out-%s.png", 1, 1), UsageError);
  EXPECT_THROW(output_files("out-%d.gif", 1, 1), UsageError);
  EXPECT_THAT(output_files("100%%.png", 1, 1), ElementsAre("100%.png"));
}

TEST_F(OutputFiles, OfAListHaveTheirNumbers) {
  EXPECT_THAT(listed_files("", 10), ::testing::AllOf(::testing::SizeIs(10), ::testing::Contains("prompt2pic-03.png")));
  EXPECT_THAT(listed_files("fox.jpg", 2), ElementsAre("fox-1.jpg", "fox-2.jpg"));
  EXPECT_THAT(listed_files("out-%03d.webp", 2), ElementsAre("out-001.webp", "out-002.webp"));
  const std::vector<std::uint8_t> bytes{1};
  EXPECT_TRUE(write_if_new("fox-1.jpg", bytes));
  EXPECT_FALSE(write_if_new("fox-1.jpg", bytes));
  EXPECT_THAT(listed_files("fox.jpg", 2), ElementsAre("fox-1.jpg", "fox-2.jpg")) << "to be skipped, not renamed";
}

}  // namespace
}  // namespace p2p::app
