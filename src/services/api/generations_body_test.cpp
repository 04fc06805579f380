#include "services/api/generations_body.hpp"

#include <gmock/gmock.h>

namespace p2p::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const BodyRules kRules{.model = "emoji", .aliases = {{"dall-e-3", "sd15"}}};

/// The error for the body; empty if it is valid.
std::string refusal(const std::string& body) {
  try {
    read_generations_body(body, kRules);
    return "";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
}

TEST(GenerationsBody, ReadsBody) {
  const GenerationsBody body =
      read_generations_body(R"({"prompt": "лиса", "model": "sd1", "n": 3, "size": "512x768", "response_format": "b64_json", "seed": 7,
                                  "steps": 20, "guidance": 4.5, "negative_prompt": "blur", "user": "u", "quality": "hd", "style": null})",
                            kRules);
  EXPECT_EQ(body.request.prompt, "лиса");
  EXPECT_EQ(body.request.model, "sd1");
  EXPECT_EQ(body.request.count, 3);
  EXPECT_EQ(body.request.width, 512);
  EXPECT_EQ(body.request.height, 768);
  EXPECT_EQ(body.request.seed, 7u);
  EXPECT_EQ(body.request.steps, 20);
  EXPECT_EQ(body.request.guidance, 4.5);
  EXPECT_EQ(body.request.negative_prompt, "blur");
  EXPECT_EQ(body.format, Format::b64_json);
}

TEST(GenerationsBody, MissingFieldsUseDefaults) {
  const GenerationsBody body = read_generations_body(R"({"prompt": "a fox", "size": "auto", "steps": null})", kRules);
  EXPECT_EQ(body.request.model, "emoji");
  EXPECT_EQ(body.request.count, 1);
  EXPECT_FALSE(body.request.width || body.request.height || body.request.steps || body.request.guidance);
  EXPECT_EQ(body.format, Format::url);
  EXPECT_NE(body.request.seed, read_generations_body(R"({"prompt": "a fox"})", kRules).request.seed);
}

TEST(GenerationsBody, NamesInvalidFields) {
  EXPECT_THAT(refusal("not JSON"), HasSubstr("the body"));
  EXPECT_THAT(refusal("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("prompt: is missing"));
  EXPECT_THAT(refusal(R"({"prompt": ""})"), HasSubstr("prompt: expected 1 to"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "n": 11})"), HasSubstr("n: expected"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "model": "../x"})"), HasSubstr("model: expected"));
  for (const char* size : {"512", "512x", "x512", "512x512x1", "0x512", "-1x512", "99999x1", "4096x4096", "512X512"})
    EXPECT_THAT(refusal(R"({"prompt": "x", "size": ")" + std::string(size) + "\"}"), HasSubstr("size: expected WIDTHxHEIGHT")) << size;
  EXPECT_THAT(refusal(R"({"prompt": "x", "response_format": "gif"})"), HasSubstr("url or b64_json"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "stream": true})"), HasSubstr("stream:"));
  EXPECT_THAT(refusal(R"({"prompt": 1, "n": "2", "seed": -2})"),
              ::testing::AllOf(HasSubstr("prompt:"), HasSubstr("n:"), HasSubstr("seed:")));
}

TEST(GenerationsBody, ReadsOutputFormat) {
  const auto request = [](const std::string& fields) { return read_generations_body(R"({"prompt": "x")" + fields + "}", kRules).request; };
  EXPECT_EQ(request("").output_format, "png");
  EXPECT_EQ(request(R"(, "output_format": "png", "output_compression": 100)").output_format, "png");
  EXPECT_EQ(request(R"(, "output_format": null, "output_compression": null)").output_compression, 100);
  EXPECT_EQ(request(R"(, "output_format": "jpeg")").output_format, "jpeg");
  EXPECT_EQ(request(R"(, "output_format": "jpeg")").output_compression, 100) << "OpenAI's default";
  EXPECT_EQ(request(R"(, "output_format": "webp", "output_compression": 0)").output_format, "webp");
  EXPECT_EQ(request(R"(, "output_format": "webp", "output_compression": 0)").output_compression, 0);
}

TEST(GenerationsBody, RefusesInvalidOutputFormat) {
  for (const char* format : {R"("jpg")", R"("PNG")", R"("gif")", R"("")", "1"})
    EXPECT_THAT(refusal(R"({"prompt": "x", "output_format": )" + std::string(format) + "}"), HasSubstr("output_format: expected"))
        << format;
  EXPECT_THAT(refusal(R"({"prompt": "x", "output_format": "gif"})"), HasSubstr("expected png, jpeg or webp, found \"gif\""));
  for (const char* compression : {"-1", "101", "50.5", R"("50")"})
    EXPECT_THAT(refusal(R"({"prompt": "x", "output_format": "jpeg", "output_compression": )" + std::string(compression) + "}"),
                HasSubstr("output_compression: expected"))
        << compression;
  EXPECT_THAT(refusal(R"({"prompt": "x", "output_compression": 80})"), HasSubstr("output_compression: expected 100 for png"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "output_format": "png", "output_compression": 0})"),
              HasSubstr("need the output_format jpeg or webp"));
}

TEST(GenerationsBody, ReadsOwnExtensions) {
  const auto request =
      read_generations_body(R"({"prompt": "a fox", "sampler": "Euler a", "strength": 0.4, "variation": [7, 8], "upscale": 2,
                                                 "loras": [{"name": "sketch", "weight": 0.5}, {"name": "ink"}]})",
                            kRules)
          .request;
  EXPECT_EQ(request.sampler, "Euler a");
  EXPECT_EQ(request.strength, 0.4);
  EXPECT_THAT(request.variations, ElementsAre(7u, 8u));
  EXPECT_EQ(request.upscale, 2);
  EXPECT_EQ(request.prompt, "a fox <lora:sketch:0.5> <lora:ink:1.0>");
  EXPECT_THAT(read_generations_body(R"({"prompt": "a fox", "variation": 9})", kRules).request.variations, ElementsAre(9u));
}

TEST(GenerationsBody, RefusesInvalidExtensions) {
  EXPECT_THAT(refusal(R"({"prompt": "x", "variation": [1, 2, 3, 4, 5]})"), HasSubstr("variation:"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "variation": "7"})"), HasSubstr("variation:"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "upscale": 5})"), HasSubstr("upscale:"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "strength": 1.5})"), HasSubstr("strength:"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "loras": [{"name": "a:1><lora:b"}]})"), HasSubstr("loras[0].name:"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "loras": ["sketch"]})"), HasSubstr("loras[0]:"));
}

TEST(GenerationsBody, AcceptsNamesOfOtherPrograms) {
  const auto body = read_generations_body(R"({"prompt": "x", "num_inference_steps": 9, "cfg_scale": 3, "rng_seed": 5})", kRules);
  EXPECT_EQ(body.request.steps, 9);
  EXPECT_EQ(body.request.guidance, 3);
  EXPECT_EQ(body.request.seed, 5u);
  EXPECT_THAT(body.notices, ::testing::IsEmpty());
  EXPECT_THAT(refusal(R"({"prompt": "x", "steps": 4, "num_inference_steps": 9})"),
              HasSubstr("num_inference_steps: means the same as steps"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "num_inference_steps": 0})"), HasSubstr("steps:"));
}

TEST(GenerationsBody, UnknownFieldIsNoticeOrProblem) {
  const auto body = read_generations_body(R"({"prompt": "x", "enable_hr": true})", kRules);
  EXPECT_THAT(body.notices, ElementsAre("the field \"enable_hr\" is unknown and was ignored"));
  BodyRules strict = kRules;
  strict.strict = true;
  EXPECT_THROW(read_generations_body(R"({"prompt": "x", "enable_hr": true})", strict), ApiError);
}

TEST(GenerationsBody, ResolvesAliasesOfModels) {
  EXPECT_EQ(read_generations_body(R"({"prompt": "x", "model": "dall-e-3"})", kRules).request.model, "sd15");
  EXPECT_THAT(parse_aliases("dall-e-3=emoji, gpt-image-1.5=sd-turbo"),
              ElementsAre(::testing::Pair("dall-e-3", "emoji"), ::testing::Pair("gpt-image-1.5", "sd-turbo")));
  for (const char* wrong : {"dall-e-3", "=emoji", "dall-e-3=", "dall-e-3=../x"}) EXPECT_THROW(parse_aliases(wrong), UsageError) << wrong;
}

TEST(GenerationsBody, SeedOfMinusOneIsRandom) {
  const std::string body = R"({"prompt": "x", "seed": -1})";
  EXPECT_NE(read_generations_body(body, kRules).request.seed, read_generations_body(body, kRules).request.seed);
}

}  // namespace
}  // namespace p2p::api
