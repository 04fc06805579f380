#include "base/file_kind.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "base/testing/temp_folder.hpp"

namespace p2p {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Case {
  std::string head;
  std::string name;
};

/// What programs write at the beginning of their files, and a bit of what follows.
const std::vector<Case>& cases() {
  const std::string more = "\0\1\2\3 more \0\0"s;
  static const std::vector<Case> all{
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4\n", "a Git LFS pointer"},
      {"<!DOCTYPE html>\n<html><head><title>Log in</title>", "a web page"},
      {"\n  <html lang=\"en\">", "a web page"},
      {"\xef\xbb\xbf<!doctype HTML>", "a web page"},
      {"<!-- saved --><HTML>", "a web page"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "an XML document, perhaps a server's answer"},
      {"<?xml version=\"1.0\"?>\n<net name=\"unet\" version=\"11\">", "a model of OpenVINO (its .xml)"},
      {"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\">", "an SVG drawing"},
      {"{\"error\": \"Repository not found\"}", "JSON, perhaps a server's answer"},
      {"[1, 2]", "JSON, perhaps a server's answer"},
      {"{\n  \"_class_name\": \"UNet2DConditionModel\",", "a configuration in JSON"},
      {"{\"metadata\": {}, \"weight_map\": {\"a\"", "an index of shards"},
      {"Entry not found", "a text"},
      {"BMW and MZ and ID3", "a text"},
      {"#!/bin/sh\nexit 1\n", "a script"},
      {"\xff\xfeN\0o\0t\0"s, "a text in UTF-16"},
      {"\xfe\xff\0N\0o\0t"s, "a text in UTF-16"},
      {"PK\3\4\0\0\x08\x08\0\0archive/data.pkl"s, "a PyTorch pickle"},
      {"\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."s, "a PyTorch pickle"},
      {"\x80\4\x95\0\0"s, "a PyTorch pickle"},
      {"PK\3\4\x14\0\0\0\0\0arr_0.npy"s, "a NumPy archive"},
      {"PK\3\4\x14\0\0\0\x08\0model.safetensors"s, "a zip archive"},
      {"PK\5\6"s + std::string(18, '\0'), "an empty zip archive"},
      {"GGUF\3\0\0\0"s, "a GGUF file"},
      {"lmgg\1\0\0\0"s, "a GGML file"},
      {"\x08\x07\x12\x07pytorch\x1a\x03"s, "an ONNX model"},
      {"\x08\x0a:\xca\x12"s, "an ONNX model"},
      {"\x83\xa6params\x84\0"s, "a model of Flax"},
      {"\x89HDF\r\n\x1a\n\0\0"s, "an HDF5 file"},
      {"\x93NUMPY\1\0v\0{'descr'"s, "a NumPy array"},
      {"\x1c\0\0\0TFL3"s, "a TensorFlow Lite model"},
      {"\x08\x01\x12\x8f\x01\x0a"s, "a TensorFlow model"},
      {std::string(257, 'x') + "ustar\0"s, "a tar archive"},
      {"\x1f\x8b\x08\0\0\0"s, "a gzip archive"},
      {"7z\xbc\xaf\x27\x1c\0\4"s, "a 7z archive"},
      {"Rar!\x1a\7\1\0"s, "a rar archive"},
      {"\x28\xb5\x2f\xfd\4"s, "a zstd archive"},
      {"\xfd\x37zXZ\0\0\4"s, "an xz archive"},
      {"BZh91AY&SY\1"s, "a bzip2 archive"},
      {"\x04\x22\x4d\x18\0"s, "an lz4 archive"},
      {"\x89PNG\r\n\x1a\n\0\0"s, "a PNG picture"},
      {"\xff\xd8\xff\xe0\0\x10JFIF"s, "a JPEG picture"},
      {"RIFF\x10\0\0\0WEBPVP8 "s, "a WebP picture"},
      {"RIFF\x10\0\0\0WAVEfmt "s, "an AVI video or a WAV sound"},
      {"GIF89a\1\0\1\0"s, "a GIF picture"},
      {"BM\x36\0\0\0"s, "a BMP picture"},
      {"II*\0\x08\0\0\0"s, "a TIFF picture"},
      {"\0\0\0\x1c"
       "ftypavif"s,
       "an AVIF picture"},
      {"\0\0\0\x18"
       "ftypheic"s,
       "a HEIC picture"},
      {"\0\0\0\x20"
       "ftypisom"s,
       "a video (MP4)"},
      {"\x1a\x45\xdf\xa3\1"s, "a video (Matroska or WebM)"},
      {"8BPS\0\1"s, "a Photoshop picture"},
      {"%PDF-1.7\n%\xe2\xe3\n"s, "a PDF document"},
      {"\x7f"
       "ELF\2\1\1\0"s,
       "a Linux program"},
      {"MZ\x90\0\3\0"s, "a Windows program"},
      {"L\0\0\0\1\x14\2\0"s, "a Windows shortcut"},
      {"SQLite format 3\0\x10"s, "an SQLite database"},
      {"d8:announce35:udp://tracker", "a torrent"},
      {std::string(600, '\0'), "nothing but zeros"},
      {"", "an empty file"},
      {"\xde\xad\xbe\xef\0\1\2"s, "a file of an unknown kind"},
  };
  return all;
}

TEST(FileKind, NamesFilesByTheirFirstBytes) {
  for (const auto& [head, name] : cases()) {
    for (const Expected& expected : {kExpectedWeights, kExpectedModel, kExpectedPicture}) {
      const std::string sentence = wrong_content(head, expected);
      EXPECT_THAT(sentence, StartsWith("expected " + std::string(expected.name) + ", found " + name));
      EXPECT_THAT(sentence, HasSubstr("; ")) << "what to do";
    }
  }
}

TEST(FileKind, KnowsSafetensorsWhateverTheirLengthLooksLike) {
  for (const std::string_view length : {"PK\3\4", "\x1f\x8b\0\0", "BM\0\0"}) {
    const std::string head = std::string(length).append(8 - length.size(), '\0') + "{\"a\":";
    ASSERT_TRUE(file_kind(head));
    EXPECT_EQ(file_kind(head)->group, FileGroup::safetensors);
  }
  EXPECT_NE(file_kind("\x08\0\0\0\0\0\0\1{"s), file_kind("\x08\0\0\0\0\0\0\0{"s)) << "a header of more than 100 MB";
}

TEST(FileKind, SaysWhatToDo) {
  EXPECT_THAT(wrong_content("GIF89a", kExpectedPicture), EndsWith("found a GIF picture; convert it to one of these"));
  EXPECT_THAT(wrong_content("GIF89a", kExpectedModel), EndsWith("; give the file of the model"));
  EXPECT_THAT(wrong_content("<html>", kExpectedPicture), HasSubstr("download the file itself"));
  EXPECT_THAT(wrong_content("GGUF\3\0"s, kExpectedPicture), EndsWith("; give the picture's file"));
  EXPECT_THAT(wrong_content("GGUF\3\0"s, kExpectedModel), EndsWith("; get it as .safetensors or as a folder in the layout of diffusers"));
  EXPECT_THAT(wrong_content("\x1f\x8b\0"s, kExpectedModel), EndsWith("; unpack it and give what is inside"));
  EXPECT_THAT(wrong_content("\x80\2c"s, kExpectedModel), HasSubstr("get the .safetensors version of the model"));
}

class WrongFile : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& content) {
    std::ofstream(folder_.path() / name, std::ios::binary) << content;
    return folder_.path() / name;
  }
  std::string said(const fs::path& file) { return wrong_file(file, kExpectedModel); }

  TempFolder folder_;
};

TEST_F(WrongFile, SaysWhyItIsNone) {
  EXPECT_THAT(said(folder_.path() / "none"), EndsWith("none: there is no such file; check its name"));
  EXPECT_THAT(said(folder_.path()), HasSubstr("found a folder; give the file in it"));
  EXPECT_THAT(said("/dev/null"), HasSubstr("found a pipe or a device"));
  fs::create_symlink("nowhere.safetensors", folder_.path() / "link");
  EXPECT_THAT(said(folder_.path() / "link"), HasSubstr("found a link to nowhere.safetensors, which does not exist"));
  EXPECT_THAT(said(write("a.bin", "{\"error\": 1}")), StartsWith((folder_.path() / "a.bin").string() + ": expected a model, which"));
}

TEST_F(WrongFile, RecognisesPartsOfDownloads) {
  for (const std::string ending : {".aria2", ".crdownload", ".part", ".PARTIAL", ".incomplete"})
    EXPECT_THAT(said(write("a.safetensors" + ending, "\1\2")), HasSubstr("found a part of a download that has not ended; finish"))
        << ending;
  write("b.safetensors.aria2", "\0\1");
  EXPECT_THAT(said(write("b.safetensors", std::string(600, '\0'))), HasSubstr("found a part of a download"));
}

TEST_F(WrongFile, KnowsOpenVinosDataByWhatIsBesideIt) {
  const std::string data = "\xde\xad\xbe\xef\0\1"s;
  EXPECT_THAT(said(write("openvino_model.bin", data)), HasSubstr("found the weights of an OpenVINO model"));
  EXPECT_THAT(said(write("unet.bin", data)), HasSubstr("found a file of an unknown kind"));
  write("unet.xml", "<net name=\"unet\">");
  EXPECT_THAT(said(folder_.path() / "unet.bin"), HasSubstr("found the weights of an OpenVINO model"));
}

TEST_F(WrongFile, SaysThatItMayNotBeRead) {
  const fs::path file = write("a.safetensors", "x");
  fs::permissions(folder_.path(), fs::perms::all);
  fs::permissions(file, fs::perms::none);
  const bool is_root = geteuid() == 0;  // who may read everything
  if (is_root) ASSERT_EQ(seteuid(65534), 0);
  const std::string sentence = said(file);
  if (is_root) ASSERT_EQ(seteuid(0), 0);
  EXPECT_THAT(sentence, EndsWith("cannot be read: Permission denied; change its permissions"));
}

}  // namespace
}  // namespace p2p
