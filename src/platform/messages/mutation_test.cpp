// 100,000 messages with one to four bytes changed: each is decoded and encoded again, or refused.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "platform/messages/messages.hpp"

namespace p2p::messages {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  std::string kind;  ///< file name, which begins with the kind of message
  std::string text;
};

std::vector<Fixture> fixtures() {
  std::vector<Fixture> all;
  for (const auto& entry : fs::directory_iterator(fs::path(P2P_SOURCE_DIR) / "src/platform/messages/fixtures")) {
    std::ifstream in(entry.path());
    all.push_back({entry.path().stem(), {std::istreambuf_iterator<char>(in), {}}});
  }
  std::ranges::sort(all, {}, &Fixture::kind);
  return all;
}

/// Decodes and encodes the text again; empty if it is refused.
std::string recode(const std::string& kind, const std::string& text) {
  const auto encoded = [](const auto& message) { return message ? encode(*message) : ""; };
  if (kind.starts_with("request")) return encoded(decode_request(text));
  if (kind.starts_with("event")) return encoded(decode_event(text));
  if (kind.starts_with("control")) return encoded(decode_control(text));
  if (kind.starts_with("model")) return encoded(decode_model(text));
  return encoded(decode_dead_letter(text));
}

TEST(MessagesMutation, DecodesOrRefusesEveryText) {
  std::mt19937 random(1);
  int refused = 0;
  const auto all = fixtures();
  ASSERT_FALSE(all.empty());
  for (int i = 0; i < 100'000; ++i) {
    auto [kind, text] = all[random() % all.size()];
    for (auto n = random() % 4 + 1; n > 0; --n) text[random() % text.size()] = static_cast<char>(random());
    refused += recode(kind, text).empty();
  }
  EXPECT_GT(refused, 10'000);
  EXPECT_LT(refused, 100'000);
}

}  // namespace
}  // namespace p2p::messages
