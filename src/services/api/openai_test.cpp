#include "services/api/openai.hpp"

#include <gmock/gmock.h>

#include "services/api/clients.hpp"
#include "services/api/prefer.hpp"

namespace p2p::api {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

/// The error for the body; empty if it is valid.
std::string refusal(const std::string& body) {
  try {
    read_generations_body(body, "emoji");
    return "";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
}

TEST(OpenaiTest, ReadsBody) {
  const GenerationsBody body =
      read_generations_body(R"({"prompt": "лиса", "model": "sd1", "n": 3, "size": "512x768", "response_format": "b64_json", "seed": 7,
                                  "steps": 20, "guidance": 4.5, "negative_prompt": "blur", "user": "u", "quality": "hd", "style": null})",
                            "emoji");
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

TEST(OpenaiTest, MissingFieldsUseDefaults) {
  const GenerationsBody body = read_generations_body(R"({"prompt": "a fox", "size": "auto", "steps": null})", "emoji");
  EXPECT_EQ(body.request.model, "emoji");
  EXPECT_EQ(body.request.count, 1);
  EXPECT_FALSE(body.request.width || body.request.height || body.request.steps || body.request.guidance);
  EXPECT_EQ(body.format, Format::url);
  EXPECT_NE(body.request.seed, read_generations_body(R"({"prompt": "a fox"})", "emoji").request.seed);
}

TEST(OpenaiTest, NamesInvalidFields) {
  EXPECT_THAT(refusal("not JSON"), HasSubstr("the body"));
  EXPECT_THAT(refusal("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("prompt: is missing"));
  EXPECT_THAT(refusal(R"({"prompt": ""})"), HasSubstr("prompt: expected 1 to"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "sampler": "ddim"})"), HasSubstr("\"sampler\": unknown field"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "n": 11})"), HasSubstr("n: expected"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "model": "../x"})"), HasSubstr("model: expected"));
  for (const char* size : {"512", "512x", "x512", "512x512x1", "0x512", "-1x512", "99999x1", "4096x4096", "512X512"})
    EXPECT_THAT(refusal(R"({"prompt": "x", "size": ")" + std::string(size) + "\"}"), HasSubstr("size: expected WIDTHxHEIGHT")) << size;
  EXPECT_THAT(refusal(R"({"prompt": "x", "response_format": "gif"})"), HasSubstr("url or b64_json"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "stream": true})"), HasSubstr("stream:"));
  EXPECT_THAT(refusal(R"({"prompt": "x", "output_format": "webp"})"), HasSubstr("png"));
  EXPECT_THAT(refusal(R"({"prompt": 1, "n": "2", "seed": -1})"),
              ::testing::AllOf(HasSubstr("prompt:"), HasSubstr("n:"), HasSubstr("seed:")));
}

TEST(OpenaiTest, MapsReasonsToErrors) {
  const auto image = [](const RequestState&, int n) { return Json{{"n", n}}; };
  const auto refused = [&](RequestState::Status status, std::string_view reason) {
    const RequestState state{.request = {.id = "a"}, .status = status, .reason = std::string(reason), .detail = "width is 5"};
    try {
      images_json(state, image);
      return std::string("a picture");
    } catch (const ApiError& error) {
      EXPECT_EQ(status_json({state, {}}, image)["error"], error.json()["error"]);
      return std::to_string(error.status()) + " " + error.code() + ": " + error.what();
    }
  };
  using enum RequestState::Status;
  EXPECT_EQ(refused(failed, messages::reason::kCannotDo), "400 cannot_do: width is 5");
  EXPECT_THAT(refused(failed, messages::reason::kWithheld), HasSubstr("400 content_policy_violation"));
  EXPECT_THAT(refused(failed, messages::reason::kNoWorker), HasSubstr("503 no_worker"));
  EXPECT_THAT(refused(failed, messages::reason::kDrawingFailed), HasSubstr("500 drawing_failed: the picture could not be drawn"))
      << "internal details are for the operator";
  EXPECT_THAT(refused(cancelled, ""), HasSubstr("410 cancelled"));
}

TEST(OpenaiTest, FinishedRequestHasPictures) {
  const RequestState state{.request = {.id = "a", .model = "flat"}, .status = RequestState::Status::finished, .images = {{}, {}}};
  const auto image = [](const RequestState&, int n) { return Json{{"n", n}}; };
  EXPECT_EQ(images_json(state, image)["data"], Json::parse(R"([{"n": 1}, {"n": 2}])"));
  EXPECT_EQ(status_json({state, {}}, image)["status"], "finished");
}

TEST(PreferTest, ReadsPreferences) {
  EXPECT_EQ(preference_of(""), std::nullopt);
  EXPECT_EQ(preference_of("respond-async"), seconds(0));
  EXPECT_EQ(preference_of("wait=5"), seconds(5));
  EXPECT_EQ(preference_of("Wait = \"7\"; x, handling=lenient"), seconds(7));
  EXPECT_EQ(preference_of("wait=10, respond-async"), seconds(0));
  EXPECT_EQ(preference_of("wait=99999999999999999999"), seconds(600));
  EXPECT_EQ(preference_of("wait=-1, wait=x, wait="), std::nullopt);
}

TEST(ClientsTest, NamesRevealNothingAboutKeys) {
  const Clients clients(Secret("0123456789abcdef, fedcba9876543210\n"));
  EXPECT_TRUE(clients.ask_for_key());
  const auto one = clients.find("Bearer 0123456789abcdef");
  const auto other = clients.find("Bearer fedcba9876543210");
  ASSERT_TRUE(one && other);
  EXPECT_NE(*one, *other);
  EXPECT_TRUE(messages::is_request_id(*one)) << "must be valid in an event";
  for (const char* wrong :
       {"", "0123456789abcdef", "Bearer ", "Bearer 0123456789abcde", "Basic 0123456789abcdef", "Bearer 0123456789abcdef "})
    EXPECT_FALSE(clients.find(wrong)) << wrong;
}

TEST(ClientsTest, WithoutKeysEverybodyIsOneClient) {
  const Clients clients{Secret()};
  EXPECT_FALSE(clients.ask_for_key());
  EXPECT_EQ(clients.find(""), "local");
}

TEST(ClientsTest, RefusesWeakKeysWithoutShowingThem) {
  for (const char* keys :
       {"short", "0123456789abcdef,", ",", "0123456789abcdef,0123456789abcdef", "0123456789 abcdef", "ключключключключ"}) {
    try {
      const Clients clients{Secret(keys)};
      ADD_FAILURE() << keys;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("P2P_API_KEYS"));
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("0123456789"))) << keys;
    }
  }
}

}  // namespace
}  // namespace p2p::api
