#include "platform/hub/listing.hpp"

#include <gmock/gmock.h>

#include "base/json.hpp"

namespace p2p::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

const std::string kBlob(40, 'b');
const std::string kCommit(40, 'c');
const std::string kSha256(64, 'd');

Json answer(Json siblings) { return {{"id", "a/b"}, {"sha", kCommit}, {"siblings", std::move(siblings)}}; }
Json sibling(const std::string& path, std::uint64_t size = 1) { return {{"rfilename", path}, {"size", size}, {"blobId", kBlob}}; }

std::string error_of(const Json& json) {
  try {
    read_listing(json.dump(), "listing");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HubListing, ListsVerifiableFiles) {
  Json in_lfs = sibling("unet/m.safetensors", 5);
  in_lfs["lfs"] = {{"sha256", kSha256}, {"size", 5}, {"pointerSize", 134}};
  Json no_hash = in_lfs;
  no_hash["rfilename"] = "no-hash";  // the blob hash is that of the LFS pointer, not of the file
  no_hash["lfs"].erase("sha256");
  Json no_size = sibling("no-size");
  no_size.erase("size");
  Json json = answer({sibling("config.json"), in_lfs, no_hash, no_size});
  json["cardData"] = {{"license", "other"}, {"license_name", "sai-nc-community"}};

  const Listing listing = read_listing(json.dump(), "listing");
  EXPECT_EQ(listing.repository, "a/b");
  EXPECT_EQ(listing.commit, kCommit);
  EXPECT_EQ(listing.licence, "sai-nc-community");
  EXPECT_THAT(listing.files, ElementsAre(Field(&RemoteFile::path, "config.json"), Field(&RemoteFile::path, "unet/m.safetensors")));
  EXPECT_EQ(listing.files[0].git_blob, kBlob);
  EXPECT_EQ(listing.files[1].sha256, kSha256);
  EXPECT_EQ(listing.files[1].size, 5u);
  EXPECT_EQ(write_listing(read_listing(write_listing(listing), "record")), write_listing(listing));
}

TEST(HubListing, DropsLicencesWithControlCharacters) {
  Json json = answer(Json::array());
  for (const char* licence : {"\x1b[2J", "ж", "", "a\nb"}) {
    json["cardData"] = {{"license", licence}};
    EXPECT_EQ(read_listing(json.dump(), "listing").licence, "");
  }
  json["cardData"] = {{"license", Json::array({"mit"})}};
  EXPECT_EQ(read_listing(json.dump(), "listing").licence, "");
}

TEST(HubListing, RefusesHostileNames) {
  for (const char* path : {"", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".", "a/./b", "a\\b", "a\nb", "a\x7f"})
    EXPECT_THAT(error_of(answer(Json::array({sibling(path)}))), HasSubstr("could lead out of the model's folder")) << path;
  EXPECT_THAT(error_of(answer(Json::array({sibling(std::string(401, 'a'))}))), HasSubstr("could lead out"));
  EXPECT_EQ(error_of(answer({sibling(std::string(400, 'a')), sibling("a..b/...c"), sibling("ж ж")})), "no error");
  EXPECT_THAT(error_of(answer({sibling("a"), sibling("a")})), HasSubstr("lists the file \"a\" twice"));
}

TEST(HubListing, RefusesInvalidListings) {
  for (const Json& json : {Json(), Json(1), Json::array(), Json::object(), Json{{"siblings", 1}}})
    EXPECT_THAT(error_of(json), HasSubstr("listing: no list of a repository's files"));
  Json json = answer(Json::array());
  for (const char* commit : {"", "main", "../../../../../../../../../../../../../x"}) {
    json["sha"] = commit;
    EXPECT_THAT(error_of(json), HasSubstr("names no commit"));
  }
  EXPECT_THAT(error_of(answer(Json::array({1}))), HasSubstr("could lead out"));
  EXPECT_THAT(error_of(answer(Json::array({sibling("a", (1ull << 50) + 1)}))), HasSubstr("says that \"a\" has"));
  EXPECT_THAT(error_of(answer(Json(10'001, sibling("a")))), HasSubstr("more than 10000 files"));
}

TEST(HubListing, RepositoryNeedsOwnerAndName) {
  for (const char* good : {"a/b", "stabilityai/sd-turbo", "SimianLuo/LCM_Dreamshaper_v7", "a/b.c"})
    EXPECT_TRUE(is_repository(good)) << good;
  for (const char* bad : {"", "a", "/", "a/", "/a", "a/b/c", "../a", "a/..", "a/.b", "a b/c", "a/b?", "a/b#", "a/%2e"})
    EXPECT_FALSE(is_repository(bad)) << bad;
}

}  // namespace
}  // namespace p2p::hub
