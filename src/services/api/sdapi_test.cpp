#include "services/api/sdapi.hpp"

#include <gmock/gmock.h>

#include "services/api/clients.hpp"

namespace p2p::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const BodyRules kSdRules{.model = "sd15", .aliases = {{"v1-5-pruned", "sd15"}}};
const std::vector<std::string> kSamplers{"euler", "euler_a"};

TEST(Sdapi, ReadsTxt2img) {
  const auto body = read_txt2img(R"({"prompt": "a fox", "negative_prompt": "blur", "seed": -1, "steps": 20, "cfg_scale": 7, "width": 512,
                                     "height": 768, "batch_size": 2, "n_iter": 2, "sampler_name": "Euler a", "styles": [],
                                     "override_settings": {"sd_model_checkpoint": "v1-5-pruned"}})",
                                 kSdRules, kSamplers);
  EXPECT_EQ(body.request.prompt, "a fox");
  EXPECT_EQ(body.request.negative_prompt, "blur");
  EXPECT_EQ(body.request.steps, 20);
  EXPECT_EQ(body.request.guidance, 7);
  EXPECT_EQ(body.request.width, 512);
  EXPECT_EQ(body.request.height, 768);
  EXPECT_EQ(body.request.count, 4);
  EXPECT_EQ(body.request.sampler, "Euler a");
  EXPECT_EQ(body.request.model, "sd15");
  EXPECT_THAT(body.notices, IsEmpty());
}

TEST(Sdapi, SamplerOfModelWithoutChoiceIsIgnored) {
  EXPECT_EQ(read_txt2img(R"({"prompt": "x", "sampler_name": "Euler a"})", kSdRules, {}).request.sampler, "");
}

TEST(Sdapi, SchedulerIsPartOfTheSampler) {
  const auto sampler = [](const std::string& scheduler) {
    return read_txt2img(R"({"prompt": "x", "sampler_name": "DPM++ 2M", "scheduler": ")" + scheduler + "\"}", kSdRules, kSamplers)
        .request.sampler;
  };
  EXPECT_EQ(sampler("Karras"), "DPM++ 2M Karras");
  EXPECT_EQ(sampler("Automatic"), "DPM++ 2M");
}

TEST(Sdapi, HighResolutionIsAnUpscale) {
  const auto body = read_txt2img(R"({"prompt": "x", "enable_hr": true, "hr_scale": 1.5, "denoising_strength": 0.4})", kSdRules, kSamplers);
  EXPECT_EQ(body.request.upscale, 1.5);
  EXPECT_EQ(body.request.strength, 0.4);
  EXPECT_FALSE(read_txt2img(R"({"prompt": "x", "hr_scale": 2, "denoising_strength": 0.4})", kSdRules, kSamplers).request.upscale);
}

TEST(Sdapi, NamesWhatIsNotSupported) {
  const auto body = read_txt2img(R"({"prompt": "x", "restore_faces": true, "tiling": false, "alwayson_scripts": {"controlnet": {}}})",
                                 kSdRules, kSamplers);
  EXPECT_THAT(body.notices, ElementsAre("the field \"alwayson_scripts\" is not supported and was ignored",
                                        "the field \"restore_faces\" is not supported and was ignored"));
}

TEST(Sdapi, RefusesInvalidBodies) {
  for (const char* body : {"", "[]", "{}", R"({"prompt": 5})", R"({"prompt": "x", "width": "wide", "height": 5})",
                           R"({"prompt": "x", "n_iter": 1000, "batch_size": 1000})", R"({"prompt": "x", "steps": 100000})"})
    EXPECT_THROW(read_txt2img(body, kSdRules, kSamplers), ApiError) << body;
}

TEST(Clients, TakeBasicAuthentication) {
  const Clients clients(Secret("0123456789abcdef-one"));
  const auto bearer = clients.find("Bearer 0123456789abcdef-one");
  ASSERT_TRUE(bearer);
  EXPECT_EQ(clients.find("Basic YW55Ym9keTowMTIzNDU2Nzg5YWJjZGVmLW9uZQ=="), bearer) << "anybody:0123456789abcdef-one";
  for (const char* wrong : {"", "Basic", "Basic ", "Basic !", "Basic YW55Ym9keQ==", "Basic YW55Ym9keTp3cm9uZw=="})
    EXPECT_FALSE(clients.find(wrong)) << wrong;
}

TEST(Clients, EachBrowserIsAClientWithoutKeys) {
  const Clients clients{Secret()};
  const auto one = clients.find("Bearer web-00112233445566778899aabbccddeeff");
  EXPECT_TRUE(one->starts_with("web:"));
  EXPECT_NE(one, clients.find("Bearer web-ff112233445566778899aabbccddeeff"));
  for (const char* other : {"", "Bearer sk-anything", "Bearer web-0011", "Bearer web-00112233445566778899AABBCCDDEEFF"})
    EXPECT_EQ(clients.find(other), "local") << other;
}

}  // namespace
}  // namespace p2p::api
