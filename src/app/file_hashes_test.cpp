#include "app/file_hashes.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temp_folder.hpp"

namespace p2p::app {
namespace {

// sha256sum of "abc"
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class FileHashes : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, std::string_view content) const {
    std::ofstream(folder_.path() / name, std::ios::binary) << content;
    return folder_.path() / name;
  }
  TempFolder folder_;
};

TEST_F(FileHashes, AreThoseOfSha256sum) {
  EXPECT_EQ(file_hash(file("a", "abc"), HashedPart::all, {}), kAbc);
  EXPECT_EQ(file_hash(file("b", std::string("\2\0\0\0\0\0\0\0{}abc", 13)), HashedPart::tensors, {}), kAbc);
  EXPECT_EQ(file_hash(file("c", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), HashedPart::tensors, {}), std::nullopt);
  EXPECT_EQ(file_hash(folder_.path() / "none", HashedPart::all, {}), std::nullopt);
}

TEST_F(FileHashes, AreKeptUntilTheFileChanges) {
  const auto cache = folder_.path() / "hashes.json";
  const auto path = file("a", "abc");
  EXPECT_EQ(file_hash(path, HashedPart::all, cache), kAbc);
  const auto time = std::filesystem::last_write_time(path);
  file("a", "abd");
  std::filesystem::last_write_time(path, time);
  EXPECT_EQ(file_hash(path, HashedPart::all, cache), kAbc) << "of the same size and time: from the cache";
  std::filesystem::last_write_time(path, time + std::chrono::seconds(1));
  EXPECT_NE(file_hash(path, HashedPart::all, cache), kAbc);
  file("hashes.json", "[damaged");
  EXPECT_NE(file_hash(path, HashedPart::all, cache), std::nullopt);
}

}  // namespace
}  // namespace p2p::app
