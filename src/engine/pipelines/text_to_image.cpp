#include "engine/pipelines/text_to_image.hpp"

#include <array>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/pipelines/wuerstchen.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;

std::string class_name(const fs::path& folder) {
  const Json index = read_json(folder / "model_index.json");
  if (index.is_object() && index.contains("_class_name") && index["_class_name"].is_string()) return index["_class_name"];
  throw ModelError((folder / "model_index.json").string() + ": expected a text under the key _class_name");
}

struct Family {
  bool (*owns)(const fs::path& folder);
  std::unique_ptr<TextToImage> (*load)(const fs::path& folder, const EngineOptions& options);
};

constexpr std::array kFamilies{
    Family{is_wuerstchen, load_wuerstchen},
};

}  // namespace

std::string_view name_of(Stage stage) {
  constexpr std::array<std::string_view, 4> names{"text", "prior", "decoder", "vae"};
  return names.at(static_cast<std::size_t>(stage));
}

std::unique_ptr<TextToImage> load_text_to_image(const fs::path& folder, const EngineOptions& options) {
  if (!fs::is_directory(folder)) throw ModelError(folder.string() + ": expected a model's folder, found none");
  for (const Family& family : kFamilies) {
    if (family.owns(folder)) return family.load(folder, options);
  }
  if (!fs::exists(folder / "model_index.json")) {
    throw ModelError(folder.string() + ": expected model_index.json, or prior/ and decoder/ that each hold one; found neither");
  }
  throw ModelError((folder / "model_index.json").string() +
                   ": _class_name: expected WuerstchenCombinedPipeline, or the two published Würstchen" +
                   " folders side by side as prior/ and decoder/; found " + excerpt(class_name(folder)));
}

}  // namespace p2p::engine
