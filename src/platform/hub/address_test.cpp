#include "platform/hub/address.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"

namespace p2p::hub {
namespace {

using ::testing::AllOf;
using ::testing::Field;
using ::testing::HasSubstr;

constexpr const char* kHub = "https://huggingface.co";

Address parse(std::string_view text, std::string_view hub = kHub) { return parse_address(text, hub); }

auto is(const char* repository, const char* revision = "", const char* file = "") {
  return AllOf(Field(&Address::repository, repository), Field(&Address::revision, revision), Field(&Address::file, file));
}

std::string problem_of(std::string_view text) {
  try {
    parse(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "none";
}

TEST(Address, IsAName) {
  EXPECT_THAT(parse("stabilityai/sd-turbo"), is("stabilityai/sd-turbo"));
  EXPECT_THAT(parse(" a.b/c_d-1.5 \n"), is("a.b/c_d-1.5"));
}

TEST(Address, IsAPage) {
  for (const char* text : {"https://huggingface.co/stabilityai/sd-turbo", "http://huggingface.co/stabilityai/sd-turbo/",
                           "HTTPS://HuggingFace.co/stabilityai/sd-turbo", "huggingface.co/stabilityai/sd-turbo",
                           "https://www.huggingface.co/stabilityai/sd-turbo?library=diffusers#usage", "https://hf.co/stabilityai/sd-turbo",
                           "hf://stabilityai/sd-turbo", "https://huggingface.co/stabilityai/sd-turbo.git", "git@hf.co:stabilityai/sd-turbo",
                           "ssh://git@huggingface.co/stabilityai/sd-turbo.git", "https://huggingface.co/api/models/stabilityai/sd-turbo"})
    EXPECT_THAT(parse(text), is("stabilityai/sd-turbo")) << text;
  EXPECT_THAT(parse("https://huggingface.co/a/b/tree/fp16"), is("a/b", "fp16"));
  EXPECT_THAT(parse("https://huggingface.co/a/b/tree/refs%2Fpr%2F7"), is("a/b", "refs/pr/7"));
  EXPECT_THAT(parse("https://huggingface.co/a/b/commit/c0ffee"), is("a/b", "c0ffee"));
  EXPECT_THAT(parse("hf://a/b@dev"), is("a/b", "dev"));
}

TEST(Address, IsAFile) {
  EXPECT_THAT(parse("https://huggingface.co/a/b/blob/main/x.safetensors"), is("a/b", "main", "x.safetensors"));
  EXPECT_THAT(parse("https://huggingface.co/a/b/resolve/main/in/my%20x.safetensors?download=true"),
              is("a/b", "main", "in/my x.safetensors"));
  EXPECT_THAT(parse("huggingface.co/a/b/raw/main/x.safetensors"), is("a/b", "main", "x.safetensors"));
  EXPECT_THAT(parse("a/b/blob/main/x.safetensors"), is("a/b", "main", "x.safetensors"));
  EXPECT_THAT(parse("hf://a/b@dev/in/x.safetensors"), is("a/b", "dev", "in/x.safetensors"));
}

TEST(Address, IsAtTheHub) {
  EXPECT_THAT(parse_address("https://mirror.example.org:8443/a/b", "https://mirror.example.org:8443"), is("a/b"));
  EXPECT_THAT(parse_address("https://huggingface.co/a/b", "https://mirror.example.org"), is("a/b")) << "read from the mirror";
  for (const char* text :
       {"https://civitai.com/models/4384?modelVersionId=128713", "civitai.com/models/4384", "http://169.254.169.254/latest/meta-data",
        "https://huggingface.co.example.org/a/b", "https://example.org/a/b/resolve/main/x", "https://user@huggingface.co/a/b"})
    EXPECT_THAT(problem_of(text), HasSubstr("not at the hub https://huggingface.co")) << text;
}

TEST(Address, IsRefusedWithAReason) {
  EXPECT_THAT(problem_of("https://huggingface.co/datasets/a/b"), HasSubstr("is a dataset"));
  EXPECT_THAT(problem_of("https://huggingface.co/spaces/a/b"), HasSubstr("is a space"));
  EXPECT_THAT(problem_of("https://huggingface.co/a/b/tree/main/unet"), HasSubstr("is a folder"));
  EXPECT_THAT(problem_of("https://huggingface.co/a/b/discussions/7"), HasSubstr("not a page of files; give the repository: a/b"));
  EXPECT_THAT(problem_of("https://huggingface.co/a/b/blob/main"), HasSubstr("names no file"));
  for (const char* text :
       {"https://huggingface.co", "https://huggingface.co/models?sort=trending", "/", "a/..", "hf://", "a b/c", "https://huggingface.co/a"})
    EXPECT_THAT(problem_of(text), HasSubstr("names no repository")) << text;
  EXPECT_THAT(problem_of("https://huggingface.co/a/b/blob/main/../../x"), HasSubstr("could lead out"));
  EXPECT_THAT(problem_of("https://huggingface.co/a/b/blob/main/..%2f..%2fx"), HasSubstr("could lead out"));
}

}  // namespace
}  // namespace p2p::hub
