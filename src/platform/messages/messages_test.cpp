#include "platform/messages/messages.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "platform/messages/base64.hpp"

namespace p2p::messages {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::map<std::string, std::string> fixtures() {
  std::map<std::string, std::string> texts;
  for (const auto& entry : fs::directory_iterator(fs::path(P2P_SOURCE_DIR) / "src/platform/messages/fixtures"))
    texts[entry.path().stem()] = read(entry.path());
  return texts;
}

/// Decodes and encodes the text again; empty if it does not decode.
std::string again(const std::string& kind, const std::string& text) {
  const auto encoded = [](const auto& message) { return message ? encode(*message) : ""; };
  if (kind.starts_with("request")) return encoded(decode_request(text));
  if (kind.starts_with("event")) return encoded(decode_event(text));
  if (kind.starts_with("control")) return encoded(decode_control(text));
  if (kind.starts_with("model")) return encoded(decode_model(text));
  return encoded(decode_dead_letter(text));
}

Request request() {
  return {.id = new_traceparent().substr(3, 32),
          .time = *parse_time("2026-11-24T12:34:56.789Z"),
          .model = "flat",
          .prompt = "a fox",
          .seed = 7};
}

TEST(Messages, DecodesAllFixtures) {
  EXPECT_EQ(fixtures().size(), 29u);
  for (const auto& [kind, text] : fixtures()) EXPECT_EQ(Json::parse(again(kind, text)), Json::parse(text)) << kind;
}

TEST(Messages, IgnoresUnknownFields) {
  for (const auto& [kind, text] : fixtures()) {
    Json json = Json::parse(text);
    json["of_the_future"] = {{"a", 1}};
    EXPECT_EQ(Json::parse(again(kind, json.dump())), Json::parse(text)) << kind;
  }
}

TEST(Messages, NamesMissingRequiredFields) {
  Json json = Json::parse(encode(request()));
  for (const char* field : {"schema_version", "id", "time", "model", "prompt", "seed"}) {
    Json without = json;
    without.erase(field);
    const auto decoded = decode_request(without.dump());
    ASSERT_FALSE(decoded) << field;
    EXPECT_THAT(decoded.error(), HasSubstr(field));
  }
}

TEST(Messages, SeedsOfRequestAreConsecutive) {
  Request many = request();
  many.seed = (std::uint64_t{1} << 53u) - 2;
  EXPECT_EQ(seed_of(many, 1), many.seed);
  EXPECT_EQ(seed_of(many, 2), many.seed + 1);
  EXPECT_EQ(seed_of(many, 3), 0u) << "seeds stay below 2^53";
}

TEST(Messages, RefusesUnknownVersions) {
  Json json = Json::parse(encode(request()));
  json["schema_version"] = 2;
  EXPECT_THAT(decode_request(json.dump()).error(), HasSubstr("expected 1, the one version that is understood, found 2"));
}

TEST(Messages, RefusesInvalidValues) {
  const std::map<std::string, std::vector<Json>> wrong{{"id", {"", "../x", "a/b", ".hidden", std::string(65, 'a'), 5, "a b", "ж"}},
                                                       {"time", {"yesterday", 5, "2026-13-01T00:00:00Z"}},
                                                       {"model", {"", "Flat", "a/b", std::string(65, 'a')}},
                                                       {"prompt", {5, std::string(kMaxPrompt + 1, 'x')}},
                                                       {"seed", {-1, 1.5, "7", 9007199254740992u}},
                                                       {"count", {0, -1, 65, "2"}},
                                                       {"width", {0, -1, 70000, "64"}},
                                                       {"guidance", {"4", 1e9}},
                                                       {"image_key",
                                                        {"", 5, "images/2026/11/24/a-1.png", "inputs/2026/11/24/../a.png",
                                                         "inputs/2026/11/24/a.gif", "inputs/2026/11/24/.png", "/inputs/2026/11/24/a.png"}},
                                                       {"output_format", {"", "PNG", "jpg", "gif", 5}},
                                                       {"output_compression", {-1, 101, 50.5, "50"}},
                                                       {"dispatch", {0, -1}},
                                                       {"strikes", {-1}}};
  for (const auto& [field, values] : wrong) {
    for (const Json& value : values) {
      Json json = Json::parse(encode(request()));
      json[field] = value;
      const auto decoded = decode_request(json.dump());
      ASSERT_FALSE(decoded) << field << value;
      EXPECT_THAT(decoded.error(), HasSubstr(field));
      EXPECT_EQ(decoded.error().find('\n'), std::string::npos);
    }
  }
}

TEST(Messages, OutputFormatIsPngByDefault) {
  Request asked = request();
  const std::string plain = encode(asked);
  EXPECT_THAT(plain, ::testing::Not(HasSubstr("output_")));
  EXPECT_EQ(decode_request(plain)->output_format, "png");
  EXPECT_EQ(decode_request(plain)->output_compression, 100);
  Json json = Json::parse(plain);
  json["output_format"] = "png";
  json["output_compression"] = 100;
  EXPECT_EQ(encode(*decode_request(json.dump())), plain) << "the same bytes, for workers of older versions";
  asked.output_format = "jpeg";
  asked.output_compression = 0;
  EXPECT_EQ(decode_request(encode(asked))->output_format, "jpeg");
  EXPECT_EQ(decode_request(encode(asked))->output_compression, 0);
}

TEST(Messages, AcceptsWholeNumbersWrittenAsFloats) {
  Json json = Json::parse(encode(request()));
  json["schema_version"] = 1.0;
  json["seed"] = 1e3;
  json["width"] = 64.0;
  const auto decoded = decode_request(json.dump());
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(decoded->seed, 1000u);
  EXPECT_EQ(decoded->width, 64);
  for (const double wrong : {64.5, 1e300, -1e300, 9007199254740992.0}) {
    json["seed"] = wrong;
    EXPECT_FALSE(decode_request(json.dump())) << wrong;
  }
}

TEST(Messages, RefusesHostileTexts) {
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string("{"), std::string("\xff\xfe"), std::string(100'000, '['),
        std::string(kMaxMessage + 1, ' '), std::string("{\"schema_version\":1e999}")}) {
    EXPECT_FALSE(decode_request(text));
    EXPECT_FALSE(decode_event(text));
    EXPECT_FALSE(decode_control(text));
    EXPECT_FALSE(decode_dead_letter(text));
  }
}

TEST(Messages, RequiredFieldsOfEventsDependOnType) {
  Event event{.id = "x", .time = now(), .worker = "w", .dispatch = 1, .what = Finished{}};
  auto& images = std::get<Finished>(event.what).images;
  EXPECT_THAT(decode_event(encode(event)).error(), HasSubstr("images"));
  images = {{"images/2026/11/24/x-1.png", 64, 64, 1, 100}};
  EXPECT_TRUE(decode_event(encode(event)));
  images[0].key = "images/2026/11/24/../x-1.png";
  EXPECT_THAT(decode_event(encode(event)).error(), HasSubstr("images[0].key"));
  images[0].key = "images/2026/11/24/x-1.png";
  Json json = Json::parse(encode(event));
  for (const Json& notice : {Json(5), Json(std::string("a\0b", 3)), Json(std::string(4097, 'x'))}) {
    json["notices"] = Json::array({notice});
    EXPECT_THAT(decode_event(json.dump()).error(), HasSubstr("notices[0]"));
  }
}

TEST(Messages, ProgressMayNamePreview) {
  Event event{.id = "x", .time = now(), .worker = "w", .dispatch = 1, .what = Progress{.stage = "unet"}};
  EXPECT_FALSE(Json::parse(encode(event)).contains("preview"));
  std::get<Progress>(event.what).preview = "previews/2026/11/24/x.png";
  EXPECT_EQ(decode_event(encode(event))->as<Progress>()->preview, "previews/2026/11/24/x.png");
  Json json = Json::parse(encode(event));
  for (const Json& wrong : {Json(""), Json(5), Json("images/2026/11/24/x-1.png"), Json("previews/2026/11/24/../x.png")}) {
    json["preview"] = wrong;
    EXPECT_THAT(decode_event(json.dump()).error(), HasSubstr("preview"));
  }
}

TEST(Messages, DeadLettersKeepAnyBytesAndAreCut) {
  DeadLetter dead_letter{.id = "x", .time = now(), .reason = "unreadable", .topic = "t"};
  dead_letter.original = std::string("\0\xff\n", 3);
  EXPECT_EQ(decode_dead_letter(encode(dead_letter))->original, dead_letter.original);
  dead_letter.original.assign(kMaxOriginal + 5, 'x');
  const auto decoded = decode_dead_letter(encode(dead_letter));
  EXPECT_EQ(decoded->original.size(), kMaxOriginal);
  EXPECT_EQ(decoded->original_size, kMaxOriginal + 5);
}

TEST(Messages, CutsDetailsAtCharacterBoundary) {
  Failed failed{.reason = "cannot_do", .detail = "a"};
  for (int i = 0; i < 3000; ++i) failed.detail.text += "ж";
  const auto decoded = decode_event(encode(Event{.id = "x", .time = now(), .what = failed}));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Failed>(decoded->what).detail.text.size(), 4095u);
}

TEST(Messages, KeepTheCodesAndValuesOfSentences) {
  Finished finished{.images = {{"images/2026/11/24/x-1.png", 64, 64, 1, 100}}};
  finished.notices = {"English only", sentence("no_such_lora", "there is no LoRA called {0}", std::string(255, 'x') + "ж")};
  const Event event{.id = "x", .time = now(), .worker = "w", .dispatch = 1, .what = finished};
  const auto notices = std::get<Finished>(decode_event(encode(event))->what).notices;
  ASSERT_EQ(notices.size(), 2u);
  EXPECT_EQ(notices[0].code, "");
  EXPECT_EQ(notices[1].code, "no_such_lora");
  EXPECT_EQ(notices[1].values, std::vector<std::string>{std::string(255, 'x')}) << "cut at a character boundary";
  Json json = Json::parse(encode(event));
  json["notice_parts"] = {{{"code", "a"}}, {{"code", "b"}}, {{"code", "c"}}};
  EXPECT_EQ(std::get<Finished>(decode_event(json.dump())->what).notices.size(), 2u) << "a part without a notice";
  for (const Json& part : {Json(5), Json{{"code", "A"}}, Json{{"values", {5}}}, Json{{"values", std::vector<std::string>(9, "x")}}}) {
    json["notice_parts"] = Json::array({part});
    EXPECT_THAT(decode_event(json.dump()).error(), HasSubstr("notice_parts[0]")) << part;
  }
}

TEST(ImageKey, ContainsDateOfRequest) {
  EXPECT_EQ(image_key("ab-1", *parse_time("2026-01-02T23:59:59.999Z"), 1), "images/2026/01/02/ab-1-1.png");
  EXPECT_EQ(image_key("ab-1", *parse_time("2026-01-02T23:59:59.999Z"), 1, "jpeg"), "images/2026/01/02/ab-1-1.jpg");
  EXPECT_EQ(image_key("ab-1", *parse_time("2026-01-02T23:59:59.999Z"), 1, "webp"), "images/2026/01/02/ab-1-1.webp");
  for (const auto& [key, format] : {std::pair("images/2026/01/02/ab-1-12.png", "png"),
                                    {"images/2026/01/02/a.png-12.jpg", "jpeg"},
                                    {"images/2026/01/02/a-9999.webp", "webp"}}) {
    EXPECT_TRUE(is_image_key(key)) << key;
    EXPECT_EQ(format_of(key), format);
  }
  for (const char* key :
       {"", "images/2026/01/02/.png", "images/2026/01/02/-1.png", "images/2026/01/02/a-0.png", "images/2026/01/02/a/b-1.png",
        "images/2026/1/02/a-1.png", "/images/2026/01/02/a-1.png", "images/2026/01/02/..-1.png", "images/2026/01/02/a-1.png/x",
        "images/2026/01/02/a-1.jpeg", "images/2026/01/02/a-1.gif", "images/2026/01/02/a-1.png.webp", "images/2026/01/02/a-1",
        "images/2026/01/02/a-1webp"}) {
    EXPECT_FALSE(is_image_key(key)) << key;
  }
}

TEST(InputKey, ContainsDateOfRequest) {
  const Time time = *parse_time("2026-01-02T23:59:59.999Z");
  EXPECT_EQ(input_key("ab-1", time, "png"), "inputs/2026/01/02/ab-1.png");
  EXPECT_TRUE(is_input_key(input_key(std::string(64, 'x'), time, "jpeg")));
  EXPECT_TRUE(is_input_key(input_key("a", time, "webp")));
  for (const char* key : {"", "inputs/2026/01/02/", "inputs/2026/01/02/.png", "inputs/2026/01/02/a.gif", "inputs/2026/01/02/a/b.png",
                          "inputs/2026/1/02/a.png", "/inputs/2026/01/02/a.png", "inputs/2026/01/02/..png", "inputs/2026/01/02/a.png\n",
                          "images/2026/01/02/a-1.png", "inputs/"}) {
    EXPECT_FALSE(is_input_key(key)) << key;
  }
}

TEST(PreviewKey, ContainsDateOfRequest) {
  const Time time = *parse_time("2026-01-02T23:59:59.999Z");
  EXPECT_EQ(preview_key("ab-1", time), "previews/2026/01/02/ab-1.png");
  EXPECT_TRUE(is_preview_key(preview_key(std::string(64, 'x'), time)));
  for (const char* key : {"", "previews/", "previews/2026/01/02/", "previews/2026/01/02/.png", "previews/2026/01/02/png",
                          "previews/2026/01/02/a.jpeg", "previews/2026/01/02/a/b.png", "previews/2026/1/02/a.png",
                          "/previews/2026/01/02/a.png", "previews/2026/01/02/a.png\n", "inputs/2026/01/02/a.png"}) {
    EXPECT_FALSE(is_preview_key(key)) << key;
  }
}

TEST(Topics, RequestsTopicEndsWithModel) {
  EXPECT_EQ(requests_topic("emoji"), "prompt2pic.requests.emoji");
  EXPECT_EQ(model_of("prompt2pic.requests.emoji"), "emoji");
  EXPECT_EQ(model_of("prompt2pic.events"), "");
  EXPECT_EQ(model_of("prompt2pic.requests.A"), "");
}

TEST(Trace, ChildKeepsTraceId) {
  const std::string parent = new_traceparent();
  const std::string child = child_of(parent);
  EXPECT_EQ(child.substr(0, 36), parent.substr(0, 36));
  EXPECT_NE(child, parent);
  for (const char* bad :
       {"", "00-x", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}) {
    EXPECT_EQ(child_of(bad).size(), 55u) << bad;
  }
}

TEST(Base64, EqualsRfc4648) {
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(from_base64("Zm9vYg=="), "foob");
  for (const char* bad : {"Z", "Zg=", "Zh==", "Z===", "Zm9v!A==", "Zg==Zg=="}) EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace p2p::messages
