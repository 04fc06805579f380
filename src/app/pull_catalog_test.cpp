#include "app/pull_catalog.hpp"

#include <gmock/gmock.h>

#include "app/pull_report.hpp"

namespace p2p::app {
namespace {

const std::string kHub = "https://huggingface.co";

TEST(PullCatalog, AcceptsNamesWithDotsAndHyphens) {
  for (const char* name : {"sd-1.5", "sd-1-5", "SD-1.5"}) EXPECT_EQ(find_pull_model(name, kHub).name, "sd-1-5") << name;
  EXPECT_EQ(find_pull_model("wuerstchen", kHub).sources.size(), 2u);
  EXPECT_FALSE(find_pull_model("sd-turbo", kHub).commercial);
  EXPECT_FALSE(find_pull_model("sdxl-turbo", kHub).commercial);
  EXPECT_TRUE(find_pull_model("taesd", kHub).commercial);
}

TEST(PullCatalog, AcceptsAnyRepository) {
  const PullModel model = find_pull_model("SimianLuo/LCM_Dreamshaper_v7", kHub);
  EXPECT_EQ(model.name, "lcm-dreamshaper-v7");
  EXPECT_EQ(model.sources.at(0).repository, "SimianLuo/LCM_Dreamshaper_v7");
  EXPECT_EQ(model.licence, "");
  for (const char* wrong : {"", "nope", "a/b/c", "/a", "a/", "../a", "a/..", "a/.b", "a b/c", "https://hub.example/a/b"})
    EXPECT_THROW(find_pull_model(wrong, kHub), UsageError) << wrong;
}

TEST(PullCatalog, RecognisesNonCommercialLicences) {
  for (const char* no : {"cc-by-nc-4.0", "CC-BY-NC-SA-4.0", "sai-nc-community", "x-noncommercial", "Some Non-Commercial License", "nc",
                         "apple-amlr research"})
    EXPECT_TRUE(forbids_commercial_use(no)) << no;
  for (const char* yes : {"", "mit", "creativeml-openrail-m", "openrail++", "agency", "cc-by-4.0", "ncsa"})
    EXPECT_FALSE(forbids_commercial_use(yes)) << yes;
}

TEST(PullReport, ShowsBytesRateAndTimeLeft) {
  EXPECT_EQ(transfer_text(0, 100, 0, 0), "[------------------------] 0 B of 100 B");
  EXPECT_EQ(transfer_text(500'000'000, 1'000'000'000, 100'000'000, 10), "[############------------] 500 MB of 1.0 GB, 10 MB/s  ETA 0:50");
  EXPECT_EQ(transfer_text(100, 100, 100, 1), "[########################] 100 B of 100 B, 100 B/s");
}

}  // namespace
}  // namespace p2p::app
