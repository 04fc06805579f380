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

TEST(Content, ComparesClockWithDateHeader) {
  const Time at = *parse_time("2026-11-24T12:00:00Z");
  EXPECT_EQ(clock_ahead(with({{"date", "Tue, 24 Nov 2026 10:00:00 GMT"}}), at), std::chrono::hours(2));
  EXPECT_EQ(clock_ahead(with({{"date", "Tue, 24 Nov 2026 12:00:05 GMT"}}), at), std::chrono::seconds(-5));
  for (const char* wrong : {"", "now", "Tue, 24"}) EXPECT_EQ(clock_ahead(with({{"date", wrong}}), at), std::nullopt);
  EXPECT_EQ(clock_ahead(with({}), at), std::nullopt);
}

}  // namespace
}  // namespace p2p::blob
