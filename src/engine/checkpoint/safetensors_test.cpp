#include "engine/checkpoint/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "base/error.hpp"
#include "base/testing/temp_folder.hpp"
#include "engine/testing/errors.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Matcher;
using testing::StartsWith;

std::string file_text(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  std::string text(sizeof size, '\0');
  std::memcpy(text.data(), &size, sizeof size);
  return text + header + data;
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

void write_raw_safetensors(const fs::path& path, const std::string& header, const std::string& data) {
  write(path, file_text(header, data));
}

/// A file of one U8 tensor of two bytes.
void write_tensor(const fs::path& path, const std::string& name) {
  write_raw_safetensors(path, "{\"" + name + R"(": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}})", "ab");
}

std::string error_in(const std::string& text) {
  return golden::error_of<ModelError>([&] { parse_safetensors(std::as_bytes(std::span(text)), "x.safetensors"); });
}

/// A folder of its own for each test.
class SafetensorsFiles : public testing::Test {
 protected:
  void write_index(const std::string& name, const std::string& weight_map) {
    write(folder_ / name, R"({"metadata": {"total_size": 4}, "weight_map": )" + weight_map + "}");
  }
  std::string open_error() const {
    return golden::error_of<ModelError>([&] { open_weights(folder_); });
  }

  TempFolder temporary_;
  fs::path folder_ = temporary_.path();
};

constexpr const char* kSmallHeader = R"({"__metadata__": {"format": "pt"},
    "half": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [4, 16]},
    "empty": {"dtype": "I64", "shape": [0, 7], "data_offsets": [16, 16]},
    "scalar": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}  )";
constexpr const char* kSmallData = "0123456789abcdef";

TEST_F(SafetensorsFiles, ReadsAFile) {
  write_raw_safetensors(folder_ / "a.safetensors", kSmallHeader, kSmallData);
  const Safetensors file = open_safetensors(folder_ / "a.safetensors");
  ASSERT_EQ(file.tensors.size(), 3u);
  const TensorView& half = file.tensors.at("half");
  EXPECT_EQ(half.dtype, DType::bf16);
  EXPECT_THAT(half.shape, ElementsAre(2, 3));
  EXPECT_EQ(std::memcmp(half.data.data(), "456789abcdef", half.data.size()), 0);
  EXPECT_EQ(file.tensors.at("scalar").data.size(), 4u);
  EXPECT_TRUE(file.tensors.at("empty").data.empty());
}

TEST(Safetensors, ReadsFilesWithoutTensors) {
  EXPECT_EQ(error_in(file_text("{}", "")), "no error");
  EXPECT_EQ(error_in(file_text(R"({"__metadata__": {}})", "")), "no error");
}

TEST(Safetensors, KnowsEveryType) {
  for (const std::string type : {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}) {
    const std::size_t size = size_of(dtype_named(type).value());
    EXPECT_EQ(name_of(dtype_named(type).value()), type);
    EXPECT_EQ(error_in(file_text(R"({"a": {"dtype": ")" + type + R"(", "shape": [1], "data_offsets": [0, )" + std::to_string(size) + "]}}",
                                 std::string(size, 'x'))),
              "no error");
  }
}

TEST_F(SafetensorsFiles, EveryTruncationIsRefused) {
  const std::string whole = file_text(kSmallHeader, kSmallData);
  ASSERT_EQ(error_in(whole), "no error");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const fs::path path = folder_ / "a.safetensors";
    write(path, whole.substr(0, size));
    EXPECT_THAT(golden::error_of<ModelError>([&] { open_safetensors(path); }),
                AllOf(StartsWith(path.string() + ": "), HasSubstr("it is cut; download it again")))
        << size;
  }
  EXPECT_THAT(error_in(whole + "x"), HasSubstr("expected 16 bytes of data, found 17"));
}

TEST(Safetensors, EveryChangedByteIsReadOrRefused) {
  const std::string whole = file_text(kSmallHeader, kSmallData);
  for (std::size_t place = 0; place < whole.size(); ++place) {
    for (const char byte : {'\0', '\xff', '{', '"', '9', '-', ' '}) {
      std::string text = whole;
      text[place] = byte;
      error_in(text);  // must not throw anything else, nor touch memory outside of the text
    }
  }
}

TEST(Safetensors, RefusesHostileHeaders) {
  const auto tensor = [](const std::string& type, const std::string& shape, const std::string& offsets) {
    return R"({"a": {"dtype": )" + type + R"(, "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}";
  };
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a": {"dtype": "U8", "shape": [2], "data_offsets": )" + first + R"(}, "b": {"dtype": "U8", "shape": [2], "data_offsets": )" +
           second + "}}";
  };
  const std::string deep = R"({"a": )" + std::string(100'000, '[');
  const struct {
    std::string header;
    Matcher<std::string> error;
  } rows[] = {
      {"", HasSubstr("found a file of an unknown kind")},
      {"[]", HasSubstr("found a file of an unknown kind")},
      {" {}", HasSubstr("found a file of an unknown kind")},
      {"{", HasSubstr("not valid JSON")},
      {"{} x", HasSubstr("not valid JSON")},
      {std::string("{}\0\0", 4), HasSubstr("zero byte")},
      {"{\"\xff\": 1}", HasSubstr("not valid JSON")},
      {deep, HasSubstr("deeper than 64 levels")},
      {R"({"a": 1, "a": 1})", HasSubstr("the key \"a\" is there twice")},
      {R"({"__metadata__": []})", HasSubstr("__metadata__: expected an object of strings, found []")},
      {R"({"__metadata__": {"a": 1}})", HasSubstr("__metadata__: expected an object of strings, found {\"a\":1}")},
      {R"({"a": 1})", HasSubstr("tensor \"a\": expected an object, found 1")},
      {R"({"a": {"shape": [4], "data_offsets": [0, 4]}})", HasSubstr("tensor \"a\": expected \"dtype\", found {")},
      {R"({"a": {"dtype": "U8", "data_offsets": [0, 4]}})", HasSubstr("tensor \"a\": expected \"shape\"")},
      {R"({"a": {"dtype": "U8", "shape": [4]}})", HasSubstr("tensor \"a\": expected \"data_offsets\"")},
      {tensor("\"F7\"", "[4]", "[0, 4]"), AllOf(HasSubstr("tensor \"a\": dtype: "), HasSubstr("found \"F7\""))},
      {tensor("\"f32\"", "[1]", "[0, 4]"), HasSubstr("found \"f32\"")},
      {tensor("7", "[4]", "[0, 4]"), HasSubstr("dtype: expected a type this engine reads (F32, BF16, F16, ...), found 7")},
      {tensor("\"U8\"", "4", "[0, 4]"), HasSubstr("shape: expected at most 64 integers that are not negative, found 4")},
      {tensor("\"U8\"", "[-4]", "[0, 4]"), HasSubstr("not negative, found [-4]")},
      {tensor("\"U8\"", "[4.0]", "[0, 4]"), HasSubstr("not negative, found [4.0]")},
      {tensor("\"U8\"", "[true, 4]", "[0, 4]"), HasSubstr("not negative, found [true,4]")},
      {tensor("\"U8\"", "[18446744073709551616]", "[0, 4]"), HasSubstr("shape: expected")},
      {tensor("\"F64\"", "[2305843009213693952]", "[0, 0]"), HasSubstr("tensor \"a\": the shape [2305843009213693952] takes more bytes")},
      {tensor("\"U8\"", "[4294967296, 4294967296]", "[0, 0]"), HasSubstr("takes more bytes than can be counted")},
      {tensor("\"U8\"", "[18446744073709551615, 2, 0]", "[0, 0]"), HasSubstr("takes more bytes than can be counted")},
      {tensor("\"U8\"", "[18446744073709551615]", "[0, 18446744073709551615]"), HasSubstr("it is cut; download it again")},
      {tensor("\"U8\"", "[4]", "[0]"), HasSubstr("data_offsets: expected [BEGIN, END], found [0]")},
      {tensor("\"U8\"", "[4]", "[4, 0]"), HasSubstr("data_offsets: expected [BEGIN, END], found [4,0]")},
      {tensor("\"U8\"", "[4]", "[0, 2, 4]"), HasSubstr("data_offsets: expected [BEGIN, END], found [0,2,4]")},
      {tensor("\"U8\"", "[4]", "[-4, 0]"), HasSubstr("data_offsets: expected at most 64 integers that are not negative")},
      {tensor("\"U8\"", "[4]", "\"0,4\""), HasSubstr("found \"0,4\"")},
      {tensor("\"F32\"", "[2]", "[0, 4]"), HasSubstr("expected 8 bytes for F32 [2], found 4 in data_offsets [0, 4]")},
      {tensor("\"U8\"", "[5]", "[0, 5]"), HasSubstr("expected data up to byte 5, found 4 bytes of data")},
      {tensor("\"U8\"", "[4]", "[4, 8]"), HasSubstr("expected data up to byte 8")},
      {tensor("\"U8\"", "[2]", "[0, 2]"), HasSubstr("expected 2 bytes of data, found 4")},
      {tensor("\"U8\"", "[2]", "[2, 4]"), HasSubstr("tensor \"a\": expected its data at byte 0, found it at byte 2: bytes that no tensor")},
      {two("[0, 2]", "[1, 3]"), HasSubstr("tensor \"b\": expected its data at byte 2, found it at byte 1: tensors overlap")},
      {two("[2, 4]", "[2, 4]"), HasSubstr("bytes that no tensor uses")},
      {two("[0, 2]", "[0, 2]"), HasSubstr("tensors overlap")},
      {two("[2, 4]", "[0, 2]"), testing::Eq("no error")},
  };
  for (const auto& row : rows) EXPECT_THAT(error_in(file_text(row.header, "data")), row.error) << row.header.substr(0, 200);
}

TEST(Safetensors, RefusesHostileHeaderLengths) {
  EXPECT_THAT(error_in(std::string(8, '\xff')), HasSubstr("found 8 bytes: it is cut"));
  EXPECT_THAT(error_in(std::string("\x00\x00\x00\x01\x00\x00\x00\x00{}", 10)), HasSubstr("expected a header of 16777216 bytes, found 2"));
  EXPECT_THAT(error_in(std::string(8, '\xff') + "{"), HasSubstr("found a file of an unknown kind"));
  EXPECT_THAT(error_in(std::string("\x00\xf0\xff\x05\x00\x00\x00\x00{}", 10)),
              HasSubstr("expected a header of at most 100000000 bytes, found 100659200"));
  EXPECT_THAT(error_in("<!DOCTYPE html>"), HasSubstr("expected a .safetensors file, found a web page"));
}

TEST(Safetensors, KeepsMessagesShort) {
  const std::string name(1'000'000, 'a');
  EXPECT_LT(error_in(file_text("{\"" + name + "\": {\"" + name + "\": 1}}", "")).size(), 400u);
}

TEST_F(SafetensorsFiles, RefusesWhatCannotBeMapped) {
  EXPECT_THAT(golden::error_of<ModelError>([&] { open_safetensors(folder_ / "none"); }),
              AllOf(StartsWith((folder_ / "none").string()), HasSubstr("there is no such file")));
  EXPECT_THAT(golden::error_of<ModelError>([&] { open_safetensors(folder_); }), HasSubstr("found a folder"));
  EXPECT_THAT(golden::error_of<ModelError>([&] { open_safetensors("/dev/zero"); }), HasSubstr("found a pipe or a device"));
}

TEST_F(SafetensorsFiles, FindsWeightsInThePublishedOrder) {
  // Each file holds a tensor called like it; what comes later is preferred.
  for (const std::string variant : {".non_ema", ".ema", ".fp32", ".bf16"}) {
    for (const std::string stem : {"model", "diffusion_pytorch_model"}) {
      write_tensor(folder_ / (stem + variant + ".safetensors"), stem + variant);
      EXPECT_TRUE(open_weights(folder_).tensors.contains(stem + variant));
    }
  }
  for (const std::string stem : {"model", "diffusion_pytorch_model"}) {
    write_tensor(folder_ / (stem + ".fp16.safetensors"), stem + ".fp16");
    EXPECT_TRUE(open_weights(folder_).tensors.contains(stem + ".fp16"));
  }
  for (const std::string stem : {"model", "diffusion_pytorch_model"}) {
    write_tensor(folder_ / (stem + "-1.safetensors"), stem + ".shard");
    write_index(stem + ".safetensors.index.json", "{\"" + stem + ".shard\": \"" + stem + "-1.safetensors\"}");
    EXPECT_TRUE(open_weights(folder_).tensors.contains(stem + ".shard"));
    write_tensor(folder_ / (stem + ".safetensors"), stem);
    EXPECT_TRUE(open_weights(folder_).tensors.contains(stem));
  }
}

TEST_F(SafetensorsFiles, ReadsShardsThroughLinks) {
  fs::create_directories(folder_ / "blobs");
  write_tensor(folder_ / "blobs" / "0f", "a");
  fs::create_symlink("blobs/0f", folder_ / "m-1.safetensors");
  write_tensor(folder_ / "m-2.safetensors", "b");
  for (const std::string index :
       {"model.safetensors.index.non_ema.json", "model.safetensors.index.bf16.json", "model.safetensors.index.fp16.json",
        "model.fp16.safetensors.index.json", "model.safetensors.index.json"}) {
    write_index(index, R"({"a": "m-1.safetensors", "b": "m-2.safetensors"})");
    const WeightFiles weights = open_weights(folder_);
    ASSERT_EQ(weights.tensors.size(), 2u);
    EXPECT_EQ(weights.tensors.at("a").path, folder_ / "m-1.safetensors");
    EXPECT_EQ(weights.tensors.at("b").view.data[1], std::byte{'b'});
    fs::remove(folder_ / index);
  }
}

TEST_F(SafetensorsFiles, RefusesHostileIndexes) {
  write_tensor(folder_ / "m-1.safetensors", "a");
  write_tensor(folder_ / "m-2.safetensors", "b");
  write_tensor(folder_.parent_path() / "outside.safetensors", "a");
  write(folder_ / "m-3.safetensors", "x");
  fs::create_symlink("nowhere", folder_ / "m-4.safetensors");
  fs::create_symlink("model.safetensors.index.json", folder_ / "m-5.safetensors");
  const auto plain_name = AllOf(HasSubstr("model.safetensors.index.json: tensor \"a\": "), HasSubstr("expected the plain name"));
  const struct {
    std::string weight_map;
    Matcher<std::string> error;
  } rows[] = {
      {R"({"a": "../outside.safetensors"})", plain_name},
      {"{\"a\": \"" + (folder_ / "m-1.safetensors").string() + "\"}", plain_name},
      {R"({"a": "./m-1.safetensors"})", plain_name},
      {R"({"a": "..\\outside.safetensors"})", plain_name},
      {R"({"a": "m-1.safetensors\u0000.safetensors"})", plain_name},
      {R"({"a": "model.safetensors.index.json"})", plain_name},
      {R"({"a": ".safetensors"})", plain_name},
      {R"({"a": ".."})", plain_name},
      {R"({"a": ""})", plain_name},
      {R"({"a": 1})", plain_name},
      {R"({"a": ["m-1.safetensors"]})", plain_name},
      {R"({"a": "m-9.safetensors"})", HasSubstr("the file \"m-9.safetensors\" is not there")},
      {R"({"a": "m-2.safetensors"})", HasSubstr("tensor \"a\": expected in \"m-2.safetensors\", which does not hold it")},
      {R"({"a": "m-3.safetensors"})", HasSubstr("m-3.safetensors: expected a .safetensors file, found 1 bytes")},
      {R"({"a": "m-4.safetensors"})", HasSubstr("m-4.safetensors: expected a .safetensors file, found a link to")},
      {R"({"a": "m-5.safetensors"})", HasSubstr("m-5.safetensors: expected a .safetensors file, found")},
      {R"({"a": "m-1.safetensors", "b": "m-1.safetensors"})", HasSubstr("tensor \"b\": expected in \"m-1.safetensors\"")},
      {"[]", HasSubstr("weight_map: expected an object")},
      {"{", HasSubstr("not valid JSON")},
      {R"({"a": "m-1.safetensors", "a": "m-2.safetensors"})", HasSubstr("the key \"a\" is there twice")},
  };
  for (const auto& row : rows) {
    write_index("model.safetensors.index.json", row.weight_map);
    EXPECT_THAT(open_error(), row.error) << row.weight_map;
  }
  write(folder_ / "model.safetensors.index.json", "[]");
  EXPECT_THAT(open_error(), HasSubstr("weight_map: expected an object"));
}

TEST_F(SafetensorsFiles, RefusesShardsThatTheIndexContradicts) {
  write_raw_safetensors(
      folder_ / "m-1.safetensors",
      R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "b": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}})", "ab");
  write_tensor(folder_ / "m-2.safetensors", "b");
  write_index("model.safetensors.index.json", R"({"a": "m-1.safetensors"})");
  EXPECT_THAT(open_error(), HasSubstr("tensor \"b\": found in \"m-1.safetensors\", but the index does not list it"));
  write_index("model.safetensors.index.json", R"({"a": "m-1.safetensors", "b": "m-2.safetensors"})");
  EXPECT_THAT(open_error(), HasSubstr("tensor \"b\": found in \"m-1.safetensors\", but the index places it in \"m-2.safetensors\""));
}

TEST_F(SafetensorsFiles, SaysWhatIsMissing) {
  EXPECT_THAT(open_error(), AllOf(StartsWith(folder_.string() + ": no weights; looked for diffusion_pytorch_model.safetensors, "),
                                  HasSubstr("model.safetensors.index.json"), HasSubstr("model.fp16.safetensors")));
  for (const std::string extension : {".bin", ".ckpt", ".pt", ".pth"}) {
    write(folder_ / ("weights" + extension), std::string("\x80\2c"));
    EXPECT_THAT(open_error(), AllOf(HasSubstr("weights" + extension + ": expected a .safetensors file, found a PyTorch pickle"),
                                    HasSubstr("can run code"), HasSubstr("safe_serialization")));
    fs::remove(folder_ / ("weights" + extension));
  }
  fs::remove_all(folder_);
  EXPECT_THAT(open_error(), AllOf(StartsWith(folder_.string()), HasSubstr("No such file or directory")));
}

}  // namespace
}  // namespace p2p::engine
