#include "engine/text/textual_inversion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TextualInversion read(const std::string& name, const std::string& token = {}) {
  return read_textual_inversion(open_safetensors(golden::file("prompts/words/" + name + ".safetensors")), token);
}

std::vector<std::size_t> sizes(const TextualInversion& inversion) {
  std::vector<std::size_t> sizes;
  for (const auto& vectors : inversion.encoders) sizes.insert(sizes.end(), {vectors.count, vectors.width, vectors.values.size()});
  return sizes;
}

TEST(TextualInversion, ReadsEveryLayout) {
  EXPECT_EQ(read("one").token, "<Cat>");
  EXPECT_THAT(sizes(read("one")), ElementsAre(1, 8, 8));
  EXPECT_EQ(read("three").token, "<fox>");
  EXPECT_THAT(sizes(read("three")), ElementsAre(3, 8, 24));
  EXPECT_EQ(read("style-1").token, "style-1");
  EXPECT_EQ(read("style-1", "<style>").token, "<style>");
  EXPECT_EQ(read("pair").token, "pair");
  EXPECT_THAT(sizes(read("pair")), ElementsAre(2, 8, 16, 1, 12, 12));
}

TEST(TextualInversion, ReadsTheOnlyTensorOfOtherPrograms) {
  const golden::TempFolder folder;
  const auto path = folder.path() / "word.safetensors";
  const std::vector<float> values(16);
  for (const char* name : {"clip_l", "emb_params", "string_to_param.*"}) {
    golden::Checkpoint().add(name, {2, 8}, values).write(path);
    EXPECT_EQ(read_textual_inversion(open_safetensors(path)).token, "word") << name;
    EXPECT_THAT(sizes(read_textual_inversion(open_safetensors(path))), ElementsAre(2, 8, 16)) << name;
  }
}

TEST(TextualInversion, RefusesWhatIsNone) {
  const golden::TempFolder folder;
  const std::vector<float> values(4096);
  const auto error = [&](const golden::Checkpoint& checkpoint) {
    const auto path = folder.path() / "word.safetensors";
    checkpoint.write(path);
    return error_of<ModelError>([&] { read_textual_inversion(open_safetensors(path)); });
  };
  const auto tensor = [&](const Shape& shape, std::size_t size) {
    return golden::Checkpoint().add("<a>", shape, std::span(values).first(size));
  };
  EXPECT_THAT(error(golden::Checkpoint()), AllOf(HasSubstr("word.safetensors: expected the one tensor"), HasSubstr("found 0 tensors")));
  EXPECT_THAT(error(tensor({8}, 8).add("<b>", {8}, std::span(values).first(8))), HasSubstr("found 2 tensors"));
  EXPECT_THAT(error(golden::Checkpoint().add("clip_g", {8}, std::span(values).first(8))), HasSubstr("tensor \"clip_l\": missing"));
  EXPECT_THAT(error(tensor({2, 2, 2}, 8)), HasSubstr("expected [width] or [1 to 1024 vectors, width], found [2, 2, 2]"));
  EXPECT_THAT(error(tensor({0, 8}, 0)), HasSubstr("found [0, 8]"));
  EXPECT_THAT(error(tensor({2, 0}, 0)), HasSubstr("found [2, 0]"));
  EXPECT_THAT(error(tensor({1025, 2}, 2050)), HasSubstr("found [1025, 2]"));
  EXPECT_THAT(error(golden::Checkpoint().add_bytes("<a>", {8}, std::string(8, 'x'), DType::i8)),
              HasSubstr("expected a floating-point type, found I8"));
  EXPECT_THAT(error(golden::Checkpoint().add("", {8}, std::span(values).first(8))), HasSubstr("expected a token's name"));
}

}  // namespace
}  // namespace p2p::engine
