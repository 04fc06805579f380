#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/testing/temp_folder.hpp"
#include "platform/blob/blob_store.hpp"

namespace p2p::blob {
namespace {

namespace fs = std::filesystem;

const std::string kPicture("\x89PNG\r\n\x1a\n....\0\0\0\0IEND\xae\x42\x60\x82", 24);

class FolderStoreTest : public ::testing::Test {
 protected:
  const TempFolder temporary;
  const fs::path folder = temporary.path() / "store";
  const Secret key{"key"};
  const std::unique_ptr<BlobStore> store =
      folder_store({.folder = folder.string(), .public_url = "https://pictures.example.org", .link_key = key});
};

TEST_F(FolderStoreTest, StoresReplacesReadsAndRemoves) {
  const std::string bytes = kPicture;
  store->put("images/2026/11/24/x-1.png", "first", "image/png");
  store->put("images/2026/11/24/x-1.png", bytes, "image/png");
  EXPECT_EQ(store->get("images/2026/11/24/x-1.png"), bytes);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "images/2026/11/24"), {}), 1) << "no temporary file is left";
  store->remove("images/2026/11/24/x-1.png");
  store->remove("images/2026/11/24/x-1.png");
  try {
    store->get("images/2026/11/24/x-1.png");
    FAIL();
  } catch (const BlobError& error) {
    EXPECT_EQ(error.kind(), BlobError::Kind::missing);
  }
}

TEST_F(FolderStoreTest, InvalidPngIsUnavailable) {
  store->put("images/2026/11/24/x-1.png", kPicture.substr(0, 12), "image/png");
  try {
    store->get("images/2026/11/24/x-1.png");
    FAIL();
  } catch (const BlobError& error) {
    EXPECT_EQ(error.kind(), BlobError::Kind::unavailable);
  }
}

TEST_F(FolderStoreTest, ReadsParts) {
  const std::string png = kPicture.substr(0, 12) + std::string(1000, 'x') + kPicture.substr(12);
  store->put("images/2026/01/02/a-1.png", png, "image/png");
  std::string all;
  while (all.size() < png.size()) {
    const auto part = store->read("images/2026/01/02/a-1.png", all.size(), 300);
    ASSERT_EQ(part.total, png.size());
    ASSERT_FALSE(part.bytes.empty());
    all += part.bytes;
  }
  EXPECT_EQ(all, png);
  EXPECT_EQ(store->read("images/2026/01/02/a-1.png", 5000, 300).bytes, "");
}

TEST_F(FolderStoreTest, RefusesPathTraversal) {
  for (const char* wrong : {"", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "a b", "a\\b", "a%2f", "\xd0\xb6"}) {
    EXPECT_THROW(store->put(wrong, "x", ""), BlobError) << wrong;
    EXPECT_THROW(store->get(wrong), BlobError) << wrong;
    EXPECT_THROW(store->link(wrong, now()), BlobError) << wrong;
  }
}

TEST_F(FolderStoreTest, LinksExpireAndRejectForgery) {
  const Time expires = now() + std::chrono::hours(1);
  const std::string link = store->link("images/a.png", expires).value();
  const std::string at = std::to_string(to_millis(expires) / 1000);
  EXPECT_TRUE(link.starts_with("https://pictures.example.org/pictures/images/a.png?expires=" + at + "&signature="));
  const std::string signature = link.substr(link.rfind('=') + 1);
  EXPECT_TRUE(link_is_valid(key, "images/a.png", at, signature, now()));
  EXPECT_FALSE(link_is_valid(key, "images/b.png", at, signature, now()));
  EXPECT_FALSE(link_is_valid(key, "images/a.png", at + "0", signature, now()));
  EXPECT_FALSE(link_is_valid(key, "images/a.png", at, signature.substr(1), now()));
  EXPECT_FALSE(link_is_valid(Secret("other"), "images/a.png", at, signature, now()));
  EXPECT_FALSE(link_is_valid(key, "images/a.png", at, signature, expires + std::chrono::seconds(1)));
}

TEST_F(FolderStoreTest, HasNoLinksWithoutPublicAddress) {
  EXPECT_FALSE(folder_store({.folder = folder.string(), .public_url = "http://localhost:8080", .link_key = key})->link("a", now()));
}

TEST_F(FolderStoreTest, RemovesOldDays) {
  for (const char* day : {"2026/11/22", "2026/11/23", "2026/12/01"}) store->put("images/" + std::string(day) + "/x-1.png", kPicture, "");
  for (const char* day : {"2026/11/22", "2026/11/23"}) store->put("inputs/" + std::string(day) + "/x.jpeg", "photo", "");
  store->put("previews/2026/11/22/x.png", kPicture, "");
  store->put("other/2026/11/22/x", "x", "");
  store->put("images/.other/x", "x", "");
  store->remove_before(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23));
  EXPECT_THROW(store->get("images/2026/11/22/x-1.png"), BlobError);
  EXPECT_EQ(store->get("images/2026/11/23/x-1.png"), kPicture);
  EXPECT_EQ(store->get("images/2026/12/01/x-1.png"), kPicture);
  EXPECT_THROW(store->get("inputs/2026/11/22/x.jpeg"), BlobError);
  EXPECT_EQ(store->get("inputs/2026/11/23/x.jpeg"), "photo");
  EXPECT_THROW(store->get("previews/2026/11/22/x.png"), BlobError);
  EXPECT_EQ(store->get("other/2026/11/22/x"), "x");
}

}  // namespace
}  // namespace p2p::blob
