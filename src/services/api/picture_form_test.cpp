#include "services/api/picture_form.hpp"

#include <gmock/gmock.h>

#include "services/api/testing/pictures.hpp"

namespace p2p::api {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const BodyRules kFormRules{.model = "sd1"};
const std::string kPng = png_of(48, 32);
using Fields = std::vector<std::pair<std::string, std::string>>;

std::string form(const Fields& fields, const std::string& boundary) {
  std::string body;
  for (const auto& [name, content] : fields)
    body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + content + "\r\n";
  return body + "--" + boundary + "--\r\n";
}

/// Calls `read` with the form, which must outlive the result.
template <typename Read>
GenerationsBody read(const Read& reader, const std::string& body, const std::string& boundary = "b") {
  return reader("multipart/form-data; boundary=" + boundary, body, kFormRules);
}

std::string refusal_of(const Fields& fields) {
  try {
    read(read_edit, form(fields, "b"));
    return "";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.code() + ": " + error.what();
  }
}

TEST(PictureForm, ReadsEdit) {
  const std::string body = form({{"image", kPng},
                                 {"prompt", "лиса"},
                                 {"model", "sd15"},
                                 {"n", "2"},
                                 {"size", "64x48"},
                                 {"seed", "7"},
                                 {"strength", "0.5"},
                                 {"guidance", "4"},
                                 {"steps", "9"},
                                 {"negative_prompt", "blur"},
                                 {"sampler", "Euler"},
                                 {"response_format", "b64_json"},
                                 {"output_format", "webp"},
                                 {"output_compression", "80"},
                                 {"user", "u"}},
                                "b");
  const GenerationsBody edit = read(read_edit, body);
  EXPECT_EQ(edit.picture.bytes, kPng);
  EXPECT_EQ(edit.picture.bytes.data(), body.data() + body.find("\x89PNG")) << "not a copy";
  EXPECT_EQ(edit.request.prompt, "лиса");
  EXPECT_EQ(edit.request.model, "sd15");
  EXPECT_EQ(edit.request.count, 2);
  EXPECT_EQ(edit.request.width, 64);
  EXPECT_EQ(edit.request.seed, 7u);
  EXPECT_EQ(edit.request.strength, 0.5);
  EXPECT_EQ(edit.request.guidance, 4);
  EXPECT_EQ(edit.request.steps, 9);
  EXPECT_EQ(edit.request.negative_prompt, "blur");
  EXPECT_EQ(edit.request.sampler, "Euler");
  EXPECT_EQ(edit.format, Format::b64_json);
  EXPECT_EQ(edit.request.output_format, "webp");
  EXPECT_EQ(edit.request.output_compression, 80);
  EXPECT_THAT(edit.notices, IsEmpty());
  EXPECT_EQ(read(read_edit, form({{"image[]", kPng}, {"prompt", "x"}}, "b")).request.model, "sd1") << "as the client sends a list";
}

TEST(PictureForm, VariationHasStrengthAndNoPrompt) {
  const std::string body = form({{"image", kPng}}, "b");
  const GenerationsBody variation = read(read_variation_form, body);
  EXPECT_EQ(variation.request.prompt, "");
  EXPECT_EQ(variation.request.strength, 0.6);
  EXPECT_FALSE(variation.picture.empty());
  EXPECT_EQ(read(read_variation_form, form({{"image", kPng}, {"strength", "0.2"}}, "b")).request.strength, 0.2);
}

TEST(PictureForm, DigestDoesNotDependOnBoundary) {
  const Fields fields{{"image", kPng}, {"prompt", "x"}};
  const std::string digest = read(read_edit, form(fields, "b")).digest;
  EXPECT_EQ(read(read_edit, form(fields, "another"), "another").digest, digest);
  EXPECT_NE(read(read_edit, form({{"image", kPng}, {"prompt", "y"}}, "b")).digest, digest);
  EXPECT_NE(read(read_edit, form({{"image", png_of(48, 33)}, {"prompt", "x"}}, "b")).digest, digest);
}

TEST(PictureForm, NamesProblems) {
  const std::pair<std::string, std::string> image{"image", kPng};
  const std::pair<std::string, std::string> prompt{"prompt", "x"};
  EXPECT_THAT(refusal_of({prompt}), HasSubstr("invalid_image: image: is missing"));
  EXPECT_THAT(refusal_of({image}), HasSubstr("prompt: is missing"));
  EXPECT_THAT(refusal_of({image, image, prompt}), HasSubstr("expected one picture, found more"));
  EXPECT_THAT(refusal_of({image, {"mask", kPng}, prompt}), HasSubstr("unsupported_mask: mask: is not supported"));
  EXPECT_THAT(refusal_of({{"image", "GIF89a"}, prompt}), HasSubstr("found a GIF"));
  EXPECT_THAT(refusal_of({image, prompt, prompt}), HasSubstr("\"prompt\": is there twice"));
  EXPECT_THAT(refusal_of({image, {"prompt", "\xff"}}), HasSubstr("is not UTF-8"));
  EXPECT_THAT(refusal_of({image, {"prompt", std::string("a\0b", 3)}}), HasSubstr("zero byte"));
  EXPECT_THAT(refusal_of({image, {"prompt", std::string(20'000, 'x')}}), HasSubstr("has 20000 bytes"));
  for (const char* number : {"", "two", "1.5", "1e3000", "nan", "0x2", "2 "})
    EXPECT_THAT(refusal_of({image, prompt, {"n", number}}), HasSubstr("n: expected an integer")) << number;
  EXPECT_THAT(refusal_of({image, prompt, {"strength", "inf"}}), HasSubstr("strength: expected a number"));
  EXPECT_THAT(refusal_of({image, prompt, {"stream", "true"}}), HasSubstr("stream:"));
  EXPECT_THROW(read(read_edit, "--b"), ApiError);
}

}  // namespace
}  // namespace p2p::api
