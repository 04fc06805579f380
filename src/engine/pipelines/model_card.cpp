#include "engine/pipelines/model_card.hpp"

#include <algorithm>
#include <array>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {
namespace {

constexpr std::array<std::string_view, 9> kKeys{"title",     "width",  "height", "steps", "guidance", "decoder_steps", "decoder_guidance",
                                                "languages", "licence"};
constexpr std::size_t kMaxText = 200;

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
    const Json& titles = card.json().at("title");
    if (!titles.is_object() || titles.size() != static_cast<std::size_t>(titles.contains("en")) + titles.contains("ru")) {
      card.fail("title", "expected {\"en\": TEXT, \"ru\": TEXT}, found " + excerpt(titles));
    }
    result.title_en = title(card, "en");
    result.title_ru = title(card, "ru");
  }
  result.width = integer("width", 16, 8192);
  result.height = integer("height", 16, 8192);
  result.steps = integer("steps", 1, 1000);
  result.guidance = number("guidance", 0, 50);
  result.decoder_steps = integer("decoder_steps", 1, 1000);
  result.decoder_guidance = number("decoder_guidance", 0, 50);
  result.languages = card.texts("languages", std::vector<std::string>{});
  for (const std::string& language : result.languages) checked(card, "languages", language);
  if (card.json().contains("licence")) result.licence = checked(card, "licence", card.text("licence"));
  return result;
}

}  // namespace p2p::engine
