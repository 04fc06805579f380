#include "platform/blob/content.hpp"

#include <gtest/gtest.h>

#include "platform/blob/blob_store.hpp"

namespace p2p::blob {
namespace {

const std::string kHello = "5d41402abc4b2a76b9719d911017c592";

http::HttpResponse with(http::HeaderList headers) { return {.status = 200, .headers = std::move(headers), .body = ""}; }

TEST(Content, Md5EqualsRfc1321) { EXPECT_EQ(md5_hex("hello"), kHello); }

TEST(Content, ETagShowsWhetherBytesWereStored) {
  EXPECT_EQ(is_stored(with({{"etag", "\"" + kHello + "\""}}), "hello"), true);
  EXPECT_EQ(is_stored(with({{"etag", "5D41402ABC4B2A76B9719D911017C592"}}), "hello"), true);
  EXPECT_EQ(is_stored(with({{"etag", "\"" + kHello + "\""}}), "hell"), false);
  EXPECT_EQ(is_stored(with({}), "hello"), false) << "every S3 answers a PUT with an ETag";
  EXPECT_EQ(is_stored(with({{"etag", "\"\""}}), "hello"), false);
}

TEST(Content, ETagThatIsNoMd5IsIgnored) {
  EXPECT_EQ(is_stored(with({{"etag", "\"" + kHello + "-1\""}}), "x"), std::nullopt) << "multipart";
  EXPECT_EQ(is_stored(with({{"etag", "\"0x8D4\""}}), "x"), std::nullopt);
  const std::string sse = "x-amz-server-side-encryption";
  EXPECT_EQ(is_stored(with({{"etag", kHello}, {sse, "aws:kms"}}), "x"), std::nullopt);
  EXPECT_EQ(is_stored(with({{"etag", kHello}, {sse + "-customer-algorithm", "AES256"}}), "x"), std::nullopt);
  EXPECT_EQ(is_stored(with({{"etag", kHello}, {sse, "AES256"}}), "x"), false) << "with the store's keys the ETag is still an MD5";
}

TEST(Content, RequiresCompletePng) {
  const std::string png("\x89PNG\r\n\x1a\n....\0\0\0\0IEND\xae\x42\x60\x82", 24);
  EXPECT_NO_THROW(check_content("a.png", png));
  EXPECT_NO_THROW(check_content("a.txt", "hello"));
  for (const std::string& wrong : {std::string(), std::string("<html></html>"), png.substr(0, 20), png.substr(1)}) {
    try {
      check_content("a.png", wrong);
      ADD_FAILURE() << wrong;
    } catch (const BlobError& error) {
      EXPECT_EQ(error.kind(), BlobError::Kind::unavailable);
    }
  }
}

TEST(Content, RequiresCompleteJpegOrWebp) {
  const std::string jpeg("\xff\xd8\xff....\xff\xd9");
  const std::string webp("RIFF\x0c\0\0\0WEBPVP8 ....", 20);
  EXPECT_NO_THROW(check_content("a.jpg", jpeg));
  EXPECT_NO_THROW(check_content("a.webp", webp));
  const auto refuses = [](const char* key, const std::string& bytes) {
    EXPECT_THROW(check_content(key, bytes), BlobError) << key << " " << bytes;
  };
  for (const std::string& wrong : {std::string(), std::string("<html></html>"), jpeg.substr(0, 7), jpeg.substr(1), webp})
    refuses("a.jpg", wrong);
  for (const std::string& wrong : {std::string(), std::string("<html></html>"), webp.substr(0, 19), webp + ".", webp.substr(1), jpeg})
    refuses("a.webp", wrong);
  EXPECT_NO_THROW(check_part("a.webp", webp.substr(0, 8), 0, 20));
  EXPECT_NO_THROW(check_part("a.webp", webp.substr(8), 8, 20));
  EXPECT_THROW(check_part("a.webp", webp.substr(0, 8), 0, 21), BlobError);
  EXPECT_THROW(check_part("a.jpg", jpeg.substr(3, 5), 3, 8), BlobError) << "its end is missing";
}

TEST(Content, MediaTypeDependsOnEnding) {
  EXPECT_EQ(media_type_of("images/2026/11/24/a-1.png"), "image/png");
  EXPECT_EQ(media_type_of("images/2026/11/24/a-1.jpg"), "image/jpeg");
  EXPECT_EQ(media_type_of("images/2026/11/24/a.png-1.webp"), "image/webp");
  EXPECT_EQ(media_type_of("images/health/w1"), "application/octet-stream");
}

TEST(Content, ComparesClockWithDateHeader) {
  const Time at = *parse_time("2026-11-24T12:00:00Z");
  EXPECT_EQ(clock_ahead(with({{"date", "Tue, 24 Nov 2026 10:00:00 GMT"}}), at), std::chrono::hours(2));
  EXPECT_EQ(clock_ahead(with({{"date", "Tue, 24 Nov 2026 12:00:05 GMT"}}), at), std::chrono::seconds(-5));
  for (const char* wrong : {"", "now", "Tue, 24"}) EXPECT_EQ(clock_ahead(with({{"date", wrong}}), at), std::nullopt);
  EXPECT_EQ(clock_ahead(with({}), at), std::nullopt);
}

}  // namespace
}  // namespace p2p::blob
