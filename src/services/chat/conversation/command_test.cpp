#include <gmock/gmock.h>

#include "base/random_id.hpp"
#include "services/chat/conversation/command.hpp"
#include "services/chat/presenter/buttons.hpp"

namespace p2p::chat {
namespace {

TEST(ParseCommand, ReadsWhatPeopleWrite) {
  using enum Command::Kind;
  const auto kind = [](const char* text, bool in_private = true) { return parse_command(text, "FoxBot", in_private).kind; };
  EXPECT_EQ(parse_command("/txt2img  a fox\nin snow ", "FoxBot", false).argument, "a fox\nin snow");
  EXPECT_EQ(parse_command("/TXT2IMG@foxbot\na fox", "FoxBot", false).argument, "a fox");
  EXPECT_EQ(kind("/txt2img@OtherBot a"), none);
  EXPECT_EQ(kind("/txt2imgs a"), unknown);
  EXPECT_EQ(kind("/txt2imgs a", false), none);
  EXPECT_EQ(kind("a fox"), txt2img);
  EXPECT_EQ(kind("a fox", false), none);
  EXPECT_EQ(kind("  "), none);
  EXPECT_EQ(kind("/"), unknown);
  EXPECT_EQ(kind("/cancel@FoxBot"), cancel);
}

TEST(ParseCommand, ReadsWhatPhonesAddToACommand) {
  for (const char* text : {"/txt2img a fox", "/txt2img\u00a0a fox", "/txt2img, a fox", "/txt2img\na fox", "/txt2img: a fox\u00a0",
                           "\u200b/txt2img\u202fa fox", "/txt2img@FoxBot, a fox", "@FoxBot /txt2img a fox"}) {
    const Command command = parse_command(text, "FoxBot", false);
    EXPECT_EQ(command.kind, Command::Kind::txt2img) << text;
    EXPECT_EQ(command.argument, "a fox") << text;
  }
}

TEST(ParseCommand, ReadsWhatIsMeantForTheBot) {
  for (const char* text : {"@FoxBot a fox", "@foxbot, a fox", "@FoxBot\na fox", "a fox @FoxBot", "a fox\u00a0@foxbot "})
    EXPECT_EQ(parse_command(text, "FoxBot", false).argument, "a fox") << text;
  for (const char* text : {"@FoxBots a fox", "@OtherBot a fox", "a@FoxBot", "is @FoxBot here", "fox"})
    EXPECT_EQ(parse_command(text, "FoxBot", false).kind, Command::Kind::none) << text;
  EXPECT_EQ(parse_command("@FoxBot", "FoxBot", false).kind, Command::Kind::txt2img) << "the text may be the replied one's";
}

TEST(ParseCallback, ReadsOnlyWhatButtonsSay) {
  using enum Callback::Kind;
  const std::string id = new_id();
  for (const auto kind : {again, variation, larger, cancel, link}) {
    const std::string data = to_data(kind, id);
    EXPECT_LE(data.size(), 64u);
    EXPECT_EQ(parse_callback(data).kind, kind);
    EXPECT_EQ(parse_callback(data).id, id);
  }
  for (const std::string& data : std::vector<std::string>{"", id, ":" + id, "again", "again:", "again:../../etc", "again:" + id + " ",
                                                          "Again:" + id, "again:again:" + id, "drop:" + id, std::string(64, '\xff')})
    EXPECT_EQ(parse_callback(data).kind, none) << data;
}

}  // namespace
}  // namespace p2p::chat
