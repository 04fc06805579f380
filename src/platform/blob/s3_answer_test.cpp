#include "platform/blob/s3_answer.hpp"

#include <gmock/gmock.h>

namespace p2p::blob {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(S3Answer, ReadsKeysOfList) {
  const S3List list = read_list(
      "<?xml "
      "version=\"1.0\"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</"
      "NextContinuationToken>"
      "<Contents><Key>images/1</Key><Size>3</Size></Contents><Contents><Key>images/&lt;2&gt;</Key></Contents></ListBucketResult>");
  EXPECT_THAT(list.keys, ElementsAre("images/1", "images/<2>"));
  EXPECT_TRUE(list.more);
  EXPECT_EQ(list.next, "a&b=");
  EXPECT_TRUE(is_list("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"></ListBucketResult>"));
}

TEST(S3Answer, ReadsErrorCode) {
  EXPECT_EQ(error_code("<Error><Code>NoSuchBucket</Code><Message>x</Message></Error>"), "NoSuchBucket");
  EXPECT_EQ(error_code("<Code>" + std::string(200, 'x') + "</Code>").size(), 100u);
}

TEST(S3Answer, OtherTextGivesNothing) {
  for (const char* text : {"", "<", "<Key>", "</Key>", "<Key>x", "</Key><Key>", "<html><body>502</body></html>", "<IsTruncated>TRUE"}) {
    EXPECT_THAT(read_list(text).keys, IsEmpty()) << text;
    EXPECT_FALSE(read_list(text).more) << text;
    EXPECT_FALSE(is_list(text)) << text;
    EXPECT_EQ(error_code(text), "") << text;
  }
}

}  // namespace
}  // namespace p2p::blob
