#include "services/api/sdapi.hpp"

#include <gmock/gmock.h>

#include "platform/messages/base64.hpp"
#include "services/api/clients.hpp"
#include "services/api/testing/pictures.hpp"

namespace p2p::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
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
  EXPECT_EQ(sampler("sgm_uniform"), "DPM++ 2M sgm_uniform");
  EXPECT_EQ(read_txt2img(R"({"prompt": "x", "sampler_name": "Euler Beta", "scheduler": "beta"})", kSdRules, kSamplers).request.sampler,
            "Euler Beta");
  EXPECT_EQ(read_txt2img(R"({"prompt": "x", "scheduler": "beta"})", kSdRules, kSamplers).request.sampler, "");
  for (const char* automatic : {"Automatic", "automatic"}) EXPECT_EQ(sampler(automatic), "DPM++ 2M");
}

TEST(Sdapi, ClipSkipIsASetting) {
  const auto skip = [](const std::string& layers) {
    return read_txt2img(R"({"prompt": "x", "override_settings": {"CLIP_stop_at_last_layers": )" + layers + "}}", kSdRules, kSamplers)
        .request.clip_skip;
  };
  EXPECT_EQ(skip("2"), 2);
  EXPECT_EQ(skip("1"), std::nullopt) << "what clients send by default leaves the model's own";
  EXPECT_THROW(skip("0"), ApiError);
}

TEST(Sdapi, HighResolutionIsAnUpscale) {
  const auto body = read_txt2img(R"({"prompt": "x", "enable_hr": true, "hr_scale": 1.5, "denoising_strength": 0.4})", kSdRules, kSamplers);
  EXPECT_EQ(body.request.upscale, 1.5);
  EXPECT_EQ(body.request.strength, 0.4);
  EXPECT_FALSE(read_txt2img(R"({"prompt": "x", "hr_scale": 2, "denoising_strength": 0.4})", kSdRules, kSamplers).request.upscale);
}

TEST(Sdapi, ReadsImg2img) {
  const std::string png = png_of(48, 32);
  for (const char* head : {"", "data:image/png;base64,"}) {
    Json json{{"init_images", {head + messages::to_base64(png)}},
              {"denoising_strength", 0.4},
              {"width", 64},
              {"height", 32},
              {"mask", nullptr},
              {"mask_blur", 4},
              {"inpaint_full_res", true},
              {"image_cfg_scale", 1.5},
              {"resize_mode", 1}};
    std::string picture;
    const auto body = read_img2img(json.dump(), kSdRules, kSamplers, picture);
    EXPECT_EQ(body.picture.bytes, png);
    EXPECT_EQ(body.picture.bytes.data(), picture.data());
    EXPECT_EQ(body.picture.width, 48);
    EXPECT_EQ(body.request.prompt, "");
    EXPECT_EQ(body.request.strength, 0.4);
    EXPECT_EQ(body.request.width, 64);
    EXPECT_THAT(body.notices, ElementsAre("the field \"resize_mode\" is not supported and was ignored"));
    json.erase("denoising_strength");
    EXPECT_EQ(read_img2img(json.dump(), kSdRules, kSamplers, picture).request.strength, 0.75);
  }
}

TEST(Sdapi, RefusesInvalidImg2img) {
  const std::string png = messages::to_base64(png_of(48, 32));
  const auto refusal = [](const Json& json) {
    std::string picture;
    try {
      read_img2img(json.dump(), kSdRules, kSamplers, picture);
      return std::string();
    } catch (const ApiError& error) {
      return std::to_string(error.status()) + " " + error.what();
    }
  };
  for (const Json& images : {Json(), Json::array(), Json("x"), Json({5}), Json({png, png})})
    EXPECT_THAT(refusal({{"init_images", images}}), HasSubstr("400 init_images: expected a list of one")) << images;
  for (const std::string& text :
       std::vector<std::string>{"?", png + "\n", "data:image/png," + png, "http://127.0.0.1/x.png", "data:;base64,x"})
    EXPECT_THAT(refusal({{"init_images", {text}}}), HasSubstr("400 init_images: expected base64")) << text;
  EXPECT_THAT(refusal({{"init_images", {messages::to_base64("GIF89a")}}}), HasSubstr("found a GIF"));
  EXPECT_THAT(refusal({{"init_images", {png}}, {"mask", png}}), HasSubstr("400 mask: is not supported"));
  EXPECT_THAT(refusal({{"init_images", {png}}, {"denoising_strength", 2}}), HasSubstr("400 strength"));
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
