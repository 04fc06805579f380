#include "services/requests/russian.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>

namespace p2p::requests {
namespace {

namespace fs = std::filesystem;

/// By code, the English form of every sentence in the sources of what draws and of the API.
std::map<std::string, std::string> english_forms() {
  const std::regex call(R"re([\s(]sentence\(\s*"([a-z_]+)",\s*"([^"]*)")re");
  std::map<std::string, std::string> forms;
  for (const char* folder : {"engine", "services/worker", "services/api"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(P2P_SOURCE_DIR) / "src" / folder)) {
      if (entry.path().extension() != ".cpp" || entry.path().stem().string().ends_with("_test")) continue;
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (std::sregex_iterator at(text.begin(), text.end(), call), end; at != end; ++at) forms[(*at)[1]] = (*at)[2];
    }
  }
  return forms;
}

TEST(Russian, HasEverySentence) {
  const auto forms = english_forms();
  EXPECT_GE(forms.size(), 30u);
  for (const auto& [code, form] : forms) {
    Sentence sentence{form};
    sentence.code = code;
    for (char digit = '0'; form.find(std::string{'{', digit, '}'}) != form.npos; ++digit) sentence.values.emplace_back(1, digit);
    const auto russian = in_russian(sentence);
    ASSERT_TRUE(russian) << code;
    EXPECT_FALSE(std::ranges::none_of(*russian, [](char c) { return static_cast<unsigned char>(c) >= 0xd0; }))
        << code << " has no Cyrillic letter";
  }
}

TEST(Russian, KeepsValuesAsTheyAre) {
  EXPECT_EQ(in_russian(sentence("no_such_lora", "there is no LoRA called {0}", "{0} {1}")), "нет LoRA с названием {0} {1}");
}

TEST(Russian, DoesWithoutWhatItDoesNotKnow) {
  EXPECT_FALSE(in_russian("a sentence without a code"));
  EXPECT_FALSE(in_russian(sentence("something_new", "it is {0}", 5)));
  EXPECT_FALSE(in_russian(sentence("nearest_size", "drawn at {0}", "64x64"))) << "too few values";
}

}  // namespace
}  // namespace p2p::requests
