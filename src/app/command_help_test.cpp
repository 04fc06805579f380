#include "app/command_help.hpp"

#include <gmock/gmock.h>

#include "app/command_table.hpp"

namespace p2p::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CommandHelp, FindsTheWordsThatASettingTakes) {
  EXPECT_THAT(words_of("auto, f32 or bf16 (int8 comes in a later version)"), ElementsAre("auto", "f32", "bf16"));
  EXPECT_THAT(words_of("on or off"), ElementsAre("on", "off"));
  EXPECT_THAT(words_of("off, or a number from -1 to 1"), IsEmpty());
  EXPECT_THAT(words_of("a folder of your own, or off"), IsEmpty());
  EXPECT_THAT(words_of("host:port"), IsEmpty());
}

TEST(CommandHelp, WrapsAtWords) {
  EXPECT_EQ(wrapped("one two three four", 9, 2), "one two\n  three\n  four");
  EXPECT_EQ(wrapped("unbreakable x", 4, 0), "unbreakable\nx");
  EXPECT_EQ(wrapped("сова на фоне", 7, 0), "сова на\nфоне") << "counts letters, not bytes";
}

TEST(CommandHelp, FitsTheTerminal) {
  CommandHelp help{.name = "x", .usage = "prompt2pic x", .text = "Does what is described here at some length, to be wrapped."};
  help.options.push_back({.names = {"-s", "--seed"}, .value = "N", .text = "The same seed draws the same picture, however long this is."});
  const std::string text = help_text(help, 50);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 50u) << line;
  EXPECT_THAT(text, HasSubstr("  -s, --seed N"));
}

TEST(CommandHelp, DescribesEveryCommand) {
  const std::vector<CommandHelp> all = describe_commands();
  ASSERT_EQ(all.size(), commands().size());
  for (const CommandHelp& command : all) {
    EXPECT_FALSE(command.text.empty()) << command.name;
    EXPECT_THAT(command.usage, HasSubstr("prompt2pic " + command.name));
    EXPECT_THAT(command.options.back().names, ElementsAre("-h", "--help")) << command.name;
  }
}

TEST(CommandHelp, AServiceHasItsOwnSettingsAndSecrets) {
  for (const CommandHelp& command : describe_commands()) {
    const auto has = [&](const std::string& flag) {
      return std::ranges::any_of(command.settings, [&](const OptionHelp& option) { return option.names.back() == flag; });
    };
    if (command.name == "bot") {
      EXPECT_TRUE(has("--admins") && has("--kafka-brokers"));
      EXPECT_FALSE(has("--vae") || has("--api-page"));
      EXPECT_THAT(command.footer, HasSubstr("P2P_TELEGRAM_TOKEN"));
      EXPECT_THAT(command.footer, ::testing::Not(HasSubstr("P2P_API_KEYS")));
    }
    if (command.name == "worker") {
      EXPECT_TRUE(has("--vae"));
      EXPECT_FALSE(has("--admins"));
    }
  }
}

}  // namespace
}  // namespace p2p::app
