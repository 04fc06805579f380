#include <gtest/gtest.h>

#include "platform/blob/blob_store.hpp"

namespace p2p::blob {
namespace {

TEST(PublicHost, RecognisesPublicHosts) {
  for (const char* url : {"https://s3.cloud.ru", "http://Pictures.Example.org:8080/x", "https://8.8.8.8", "https://u:p@example.org/",
                          "https://[2001:4860:4860::8888]:1"}) {
    EXPECT_TRUE(is_public_host(url)) << url;
  }
  for (const char* url : {"",
                          "example.org",
                          "http://minio:9000",
                          "http://localhost",
                          "http://a.localhost",
                          "http://127.0.0.1:9000",
                          "http://10.1.2.3",
                          "http://172.16.0.1",
                          "http://172.31.255.255",
                          "http://192.168.1.1/",
                          "http://169.254.1.1",
                          "http://100.64.0.1",
                          "http://0.0.0.0",
                          "http://[::1]:9000",
                          "http://[fe80::1]",
                          "http://[fd00::1]",
                          "http://[::ffff:10.0.0.1]",
                          "http://x.local",
                          "http://x.internal",
                          "http://127.1",
                          "http://1.2.3.999",
                          "http://x.:1"}) {
    EXPECT_FALSE(is_public_host(url)) << url;
  }
  EXPECT_TRUE(is_public_host("http://172.32.0.1"));
}

}  // namespace
}  // namespace p2p::blob
