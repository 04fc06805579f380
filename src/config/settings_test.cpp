#include "config/settings.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.hpp"
#include "base/testing/temp_folder.hpp"
#include "config/parse_number.hpp"

namespace p2p {
namespace {

using ::testing::HasSubstr;

class Settings : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(file); }

  void write(const std::string& text) {
    std::ofstream(file) << text;
    sources.file = file;
  }
  void set_env(const std::map<std::string, std::string>& variables) {
    env = variables;
    sources.environment = [this](const char* name) {
      const auto found = env.find(name);
      return found == env.end() ? nullptr : found->second.c_str();
    };
  }
  std::string problems() {
    try {
      load_config(sources);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "none";
  }

  SettingsSources sources;
  std::map<std::string, std::string> env;
  TempFolder folder;
  std::filesystem::path file = folder.path() / "settings.toml";
};

TEST_F(Settings, DefaultsComeFromTable) {
  const LoadedConfig loaded = load_config(sources);
  EXPECT_EQ(loaded.config.model, "emoji");
  EXPECT_FALSE(loaded.config.steps);
  EXPECT_FALSE(loaded.config.engine.precision);
  EXPECT_EQ(loaded.config.engine.threads, 0);
  EXPECT_EQ(loaded.config.hub.url, "https://huggingface.co");
  ASSERT_EQ(loaded.values.size(), settings().size());
  for (const auto& value : loaded.values) EXPECT_EQ(value.source, "default");
}

TEST_F(Settings, FlagsOverrideEnvironmentAndFile) {
  write("model = \"of-file\"\nsteps = 3\ndecoder_steps = 4\nthreads = 1\n");
  set_env({{"P2P_MODEL", "of-env"}, {"P2P_STEPS", "5"}, {"P2P_THREADS", ""}});
  sources.flags = {{"model", "of-flag"}};
  const LoadedConfig loaded = load_config(sources);
  EXPECT_EQ(loaded.config.model, "of-flag");
  EXPECT_EQ(loaded.config.steps, 5);
  EXPECT_EQ(loaded.config.decoder_steps, 4);
  EXPECT_EQ(loaded.config.engine.threads, 1) << "an empty variable counts as unset";
  EXPECT_EQ(loaded.values[0].source, "--model");
  EXPECT_EQ(loaded.values[3].source, "P2P_STEPS");
  EXPECT_EQ(loaded.values[4].source, file.string());
}

TEST_F(Settings, ReportsAllProblemsTogether) {
  write("model = \"x\"\nmodles_dir = \"/\"\nthreads = 1.5\n");
  set_env({{"P2P_STEPS", "0"}, {"P2P_PRECISION", "int8"}, {"P2P_MODELS_DIR", "/no/such/folder"}});
  sources.flags = {{"decoder_steps", "many"}};
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("6 settings are wrong"));
  EXPECT_THAT(text, HasSubstr("modles_dir is not a setting; did you mean models_dir?"));
  EXPECT_THAT(text, HasSubstr("threads is neither a text in quotes nor a whole number"));
  EXPECT_THAT(text, HasSubstr("P2P_STEPS is '0'; it takes a whole number from 1 to 1000"));
  EXPECT_THAT(text, HasSubstr("int8 comes in a later version"));
  EXPECT_THAT(text, HasSubstr("P2P_MODELS_DIR is '/no/such/folder'; it takes a folder that exists"));
  EXPECT_THAT(text, HasSubstr("--decoder-steps is 'many'"));
}

TEST_F(Settings, ReadsSecretsFromFilesAndHidesThem) {
  write("123:secret-token\n");
  sources.file.reset();
  set_env({{"P2P_TELEGRAM_TOKEN_FILE", file.string()}, {"P2P_KAFKA_PASSWORD", "geheim"}});
  const LoadedConfig loaded = load_config(sources);
  EXPECT_EQ(loaded.config.telegram.token.expose(), "123:secret-token");
  EXPECT_EQ(loaded.config.kafka.password.expose(), "geheim");
  int hidden = 0;
  for (const auto& value : loaded.values) {
    EXPECT_THAT(value.text, ::testing::Not(HasSubstr("secret-token")));
    EXPECT_THAT(value.text, ::testing::Not(HasSubstr("geheim")));
    hidden += value.text == "(hidden)";
  }
  EXPECT_EQ(hidden, 2);
}

TEST_F(Settings, ProblemsHideSecrets) {
  set_env({{"P2P_TELEGRAM_TOKEN", "geheim"},
           {"P2P_KAFKA_PASSWORD", "x"},
           {"P2P_KAFKA_PASSWORD_FILE", "/no/file"},
           {"P2P_S3_SECRET_KEY_FILE", "/no/file"}});
  const std::string text = problems();
  EXPECT_THAT(text, HasSubstr("P2P_TELEGRAM_TOKEN is invalid; it takes a bot's token"));
  EXPECT_THAT(text, HasSubstr("P2P_KAFKA_PASSWORD and P2P_KAFKA_PASSWORD_FILE are both set; keep one"));
  EXPECT_THAT(text, HasSubstr("P2P_S3_SECRET_KEY_FILE is '/no/file', which cannot be read"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("geheim")));
}

TEST_F(Settings, ReadsListsOfIds) {
  set_env({{"P2P_ADMINS", "1, -100123 ,7"}, {"P2P_S3_LINK_TTL", "60"}, {"P2P_S3_ENDPOINT", "https://s3.cloud.ru/"}});
  const AppConfig config = load_config(sources).config;
  EXPECT_EQ(config.admins, (std::set<std::int64_t>{-100123, 1, 7}));
  EXPECT_EQ(config.link_ttl, std::chrono::seconds(60));
  EXPECT_EQ(config.s3.endpoint, "https://s3.cloud.ru");
  set_env({{"P2P_HUB_URL", "https://mirror.example/"}, {"P2P_HUB_PROXY", "socks5h://127.0.0.1:9050"}});
  EXPECT_EQ(load_config(sources).config.hub.url, "https://mirror.example");
  EXPECT_EQ(load_config(sources).config.hub.proxy.expose(), "socks5h://127.0.0.1:9050");
  set_env({{"P2P_BLOCK", "1,x"}, {"P2P_S3_LINK_TTL", "604801"}, {"P2P_KAFKA_SASL_MECHANISM", "GSSAPI"}, {"P2P_HUB_TOKEN", "a\nb"}});
  EXPECT_THAT(problems(), HasSubstr("4 settings are wrong"));
}

TEST(SettingsTable, NamesAreDistinctAndDescribed) {
  std::set<std::string_view> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    EXPECT_TRUE(setting.sentence.ends_with('.')) << setting.name;
    EXPECT_EQ(setting.flag().empty(), setting.secret) << setting.name;
  }
}

TEST_F(Settings, ReportsInvalidFiles) {
  write("model = \"x\"\nsteps = = 3\n");
  EXPECT_THAT(problems(), HasSubstr(file.string() + ", line 2: "));
  for (const char* line : {"[|table]", "steps = ж", "ж = 3", "x = [1, Ǣ"}) {
    write("model = \"x\"\n" + std::string(line) + "\n");
    EXPECT_THAT(problems(), HasSubstr(file.string() + ", line 2: ")) << line;
  }
  sources.file = "/no/such/file.toml";
  EXPECT_THAT(problems(), HasSubstr("/no/such/file.toml: "));
}

TEST(ParseNumber, AcceptsWholeTextsInRange) {
  EXPECT_EQ(parse_number<int>("12", 1, 20), 12);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615", 0, ~0ull), ~0ull);
  EXPECT_EQ(parse_number<double>("3.5", 0, 50), 3.5);
  for (const char* wrong : {"", " 1", "1 ", "0x1", "1e1", "+1", "21", "0", "99999999999"})
    EXPECT_FALSE(parse_number<int>(wrong, 1, 20)) << wrong;
  for (const char* wrong : {"nan", "inf", "-1", "1e999", "3,5"}) EXPECT_FALSE(parse_number<double>(wrong, 0, 50)) << wrong;
  EXPECT_FALSE(parse_number<std::uint64_t>("-1", 0, ~0ull));
}

}  // namespace
}  // namespace p2p
