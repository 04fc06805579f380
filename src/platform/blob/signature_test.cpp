#include "platform/blob/signature.hpp"

#include <gtest/gtest.h>

namespace p2p::blob {
namespace {

// The example of Amazon's S3 manual, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
TEST(Presign, EqualsExampleOfManual) {
  const Secret secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  const std::string url = presign({"GET", "https://examplebucket.s3.amazonaws.com", "/test.txt", {}, std::chrono::seconds(86400)},
                                  {"us-east-1", "AKIAIOSFODNN7EXAMPLE", secret}, *parse_time("2013-05-24T00:00:00Z"));
  EXPECT_EQ(
      url,
      "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
      "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(Presign, EncodesColonInAccessKey) {
  const Secret secret("x");
  const std::string url =
      presign({"GET", "https://s3.cloud.ru", "/b/k", {}}, {"ru-central-1", "tenant:key", secret}, *parse_time("2026-11-24T00:00:00Z"));
  EXPECT_NE(url.find("X-Amz-Credential=tenant%3Akey%2F20261124%2Fru-central-1%2F"), std::string::npos) << url;
}

TEST(SameSecret, ComparesWholeText) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
}

}  // namespace
}  // namespace p2p::blob
