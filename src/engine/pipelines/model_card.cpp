#include "engine/pipelines/model_card.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {
namespace {

constexpr std::array<std::string_view, 13> kKeys{"title",    "width",         "height",           "sizes",     "max_pixels", "steps",
                                                 "guidance", "decoder_steps", "decoder_guidance", "languages", "licence",    "examples",
                                                 "clip_skip"};
constexpr int kMinSide = 16;
constexpr int kMaxSide = 8192;
constexpr std::size_t kMaxText = 200;
constexpr std::size_t kMaxExamples = 16;

std::string checked(const ConfigReader& card, std::string_view key, std::string text) {
  if (text.empty() || text.size() > kMaxText) card.fail(key, "expected 1 to " + std::to_string(kMaxText) + " bytes of text");
  return text;
}

std::optional<std::string> title(const ConfigReader& card, const std::string& language) {
  const Json& titles = card.json().at("title");
  if (!titles.contains(language)) return std::nullopt;
  if (!titles[language].is_string()) card.fail("title", "expected text for \"" + language + "\", found " + excerpt(titles[language]));
  return checked(card, "title", titles[language].get<std::string>());
}

std::vector<std::string> examples(const ConfigReader& card, const std::string& language) {
  const Json& all = card.json().at("examples");
  std::vector<std::string> list;
  if (!all.contains(language)) return list;
  const Json& texts = all[language];
  if (!texts.is_array() || texts.size() > kMaxExamples || !std::ranges::all_of(texts, [](const Json& text) { return text.is_string(); }))
    card.fail("examples", "expected at most " + std::to_string(kMaxExamples) + " texts for \"" + language + "\", found " + excerpt(texts));
  for (const Json& text : texts) list.push_back(checked(card, "examples", text.get<std::string>()));
  return list;
}

/// The object {"en": ..., "ru": ...} of that key.
void check_languages(const ConfigReader& card, const char* key, const char* what) {
  const Json& json = card.json().at(key);
  if (!json.is_object() || json.size() != static_cast<std::size_t>(json.contains("en")) + json.contains("ru"))
    card.fail(key, std::string("expected {\"en\": ") + what + ", \"ru\": " + what + "}, found " + excerpt(json));
}

ModelCard::Size size(const ConfigReader& card, const std::string& text) {
  ModelCard::Size size;
  const char* const end = text.data() + text.size();
  const auto [cross, wrong] = std::from_chars(text.data(), end, size.width);
  const bool has_cross = wrong == std::errc() && cross != end && *cross == 'x';
  const auto [stop, also_wrong] = has_cross ? std::from_chars(cross + 1, end, size.height) : std::from_chars_result{cross, std::errc()};
  const auto fits = [](int side) { return side >= kMinSide && side <= kMaxSide; };
  if (!has_cross || also_wrong != std::errc() || stop != end || !fits(size.width) || !fits(size.height))
    card.fail("sizes", "expected sizes such as \"512x768\", found \"" + text + "\"");
  return size;
}

}  // namespace

ModelCard read_model_card(const std::filesystem::path& model) {
  std::filesystem::path file = model / "prompt2pic.json";
  if (!std::filesystem::is_directory(model)) (file = model).replace_extension(".prompt2pic.json");
  if (!std::filesystem::exists(file)) return {};
  const ConfigReader card(file);
  for (const auto& [key, value] : card.json().items()) {
    if (std::ranges::find(kKeys, key) != kKeys.end()) continue;
    std::string known;
    for (const std::string_view each : kKeys) known += (known.empty() ? "" : ", ") + std::string(each);
    card.fail(excerpt(key), "no such key; there are " + known);
  }
  const auto integer = [&](std::string_view key, int min, int max) {
    return card.json().contains(key) ? std::optional(static_cast<int>(card.integer(key, min, max))) : std::nullopt;
  };
  const auto number = [&](std::string_view key, double min, double max) {
    return card.json().contains(key) ? std::optional(card.number(key, min, max)) : std::nullopt;
  };

  ModelCard result;
  if (card.json().contains("title")) {
    check_languages(card, "title", "TEXT");
    result.title_en = title(card, "en");
    result.title_ru = title(card, "ru");
  }
  result.width = integer("width", kMinSide, kMaxSide);
  result.height = integer("height", kMinSide, kMaxSide);
  for (const std::string& text : card.texts("sizes", std::vector<std::string>{})) result.sizes.push_back(size(card, text));
  result.max_pixels = integer("max_pixels", kMinSide * kMinSide, kMaxSide * kMaxSide);
  result.steps = integer("steps", 1, 1000);
  result.guidance = number("guidance", 0, 50);
  result.decoder_steps = integer("decoder_steps", 1, 1000);
  result.decoder_guidance = number("decoder_guidance", 0, 50);
  result.clip_skip = integer("clip_skip", 1, 256);
  result.languages = card.texts("languages", std::vector<std::string>{});
  for (const std::string& language : result.languages) checked(card, "languages", language);
  if (card.json().contains("examples")) {
    check_languages(card, "examples", "[TEXT, ...]");
    result.examples_en = examples(card, "en");
    result.examples_ru = examples(card, "ru");
  }
  if (card.json().contains("licence")) result.licence = checked(card, "licence", card.text("licence"));
  return result;
}

ModelCard::Size nearest_size(std::span<const ModelCard::Size> sizes, std::optional<int> width, std::optional<int> height) {
  const auto scale = [](std::optional<int> asked, int side) { return asked ? std::log(static_cast<double>(side) / *asked) : 0; };
  return *std::ranges::min_element(sizes, {}, [&](const ModelCard::Size& each) {
    const double across = scale(width, each.width);
    const double down = scale(height, each.height);
    const double shape = width && height ? std::abs(across - down) : 0;
    return std::pair(std::round(shape * 1e6), std::abs(across + down));
  });
}

}  // namespace p2p::engine
