#include "services/api/openai.hpp"

#include <gmock/gmock.h>

#include "services/api/clients.hpp"
#include "services/api/prefer.hpp"

namespace p2p::api {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

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
  EXPECT_THAT(refused(failed, messages::reason::kInputMissing), HasSubstr("410 input_missing"));
  EXPECT_THAT(refused(cancelled, ""), HasSubstr("410 cancelled"));
}

TEST(OpenaiTest, FinishedRequestHasPictures) {
  const RequestState state{.request = {.id = "a", .model = "flat"},
                           .status = RequestState::Status::finished,
                           .images = {{.key = "images/2026/11/24/a-1.webp"}, {.key = "images/2026/11/24/a-2.webp"}}};
  const auto image = [](const RequestState&, int n) { return Json{{"n", n}}; };
  EXPECT_EQ(images_json(state, image)["data"], Json::parse(R"([{"n": 1}, {"n": 2}])"));
  EXPECT_EQ(images_json(state, image)["output_format"], "webp");
  EXPECT_EQ(status_json({state, {}}, image)["status"], "finished");
  EXPECT_EQ(status_json({state, {}}, image)["output_format"], "webp");
}

TEST(OpenaiTest, PreviewHasAddressWhileDrawing) {
  RequestState state{.request = {.id = "a", .model = "flat"}, .status = RequestState::Status::drawing};
  const auto image = [](const RequestState&, int) { return Json(); };
  EXPECT_FALSE(status_json({state, {}}, image).contains("preview"));
  state.preview = 12;
  EXPECT_EQ(status_json({state, {}}, image)["preview"], "/v1/requests/a/preview?version=12");
  state.status = RequestState::Status::queued;
  EXPECT_FALSE(status_json({state, {}}, image).contains("preview")) << "handed back";
}

TEST(OpenaiTest, SaysDetailsAndNoticesInRussianToo) {
  const auto image = [](const RequestState&, int n) { return Json{{"n", n}}; };
  RequestState state{.request = {.id = "a"}, .status = RequestState::Status::failed, .reason = "cannot_do"};
  state.detail = sentence("takes_no_pictures", "the model {0} takes no pictures", "flat");
  const Json error = status_json({state, {}}, image)["error"];
  EXPECT_EQ(error["message"], "the model flat takes no pictures");
  EXPECT_EQ(error["translations"]["ru"], "модель flat не умеет начинать с картинки");
  state = {.request = {.id = "a"}, .status = RequestState::Status::finished, .images = {{}}};
  state.notices = {"of a newer worker", sentence("prompt_cut", "{0}", 5)};
  for (const Json& json : {images_json(state, image), status_json({state, {}}, image)}) {
    EXPECT_EQ(json["notices"], (Json{"of a newer worker", "5"}));
    EXPECT_EQ(json["notice_translations"],
              (Json{{"ru", {"of a newer worker", "описание длиннее, чем читает модель: последние токены (5) не учтены"}}}));
  }
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
