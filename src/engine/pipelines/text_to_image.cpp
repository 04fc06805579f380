#include "engine/pipelines/text_to_image.hpp"

#include <array>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/json.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "engine/graph/network.hpp"
#include "engine/graph/threads.hpp"
#include "engine/pipelines/check_model.hpp"
#include "engine/pipelines/stable_diffusion.hpp"
#include "engine/pipelines/stable_diffusion/pipeline_class.hpp"
#include "engine/pipelines/wuerstchen.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;

std::string class_name(const fs::path& folder) {
  const Json index = read_json(folder / "model_index.json");
  if (index.is_object() && index.contains("_class_name") && index["_class_name"].is_string()) return index["_class_name"];
  throw ModelError((folder / "model_index.json").string() + ": expected a text under the key _class_name");
}

struct ModelFamily {
  bool (*owns)(const fs::path& folder);
  std::unique_ptr<TextToImage> (*load)(const fs::path& folder, const EngineOptions& options);
};

// The requested precision and threads, or the fastest of this processor.
EngineOptions complete(EngineOptions options) {
  const bool bf16 = has_bf16();
  if (options.precision == Precision::bf16 && !bf16)
    throw UsageError("this processor does not compute in bf16; ask for f32, or for none: then the best that it has is used");
  options.precision = options.precision.value_or(bf16 ? Precision::bf16 : Precision::f32);
  options.threads = threads_within_quota(options.threads);
  return options;
}

constexpr std::array kFamilies{
    ModelFamily{is_wuerstchen, load_wuerstchen},
    ModelFamily{is_stable_diffusion, load_stable_diffusion},
};

const ModelFamily& family_of(const fs::path& model) {
  if (!fs::is_directory(model) && !is_single_file(model)) throw ModelError(wrong_file(model, kExpectedModel));
  for (const ModelFamily& family : kFamilies) {
    if (family.owns(model)) return family;
  }
  if (!fs::exists(model / "model_index.json")) {
    throw ModelError(model.string() + ": expected model_index.json, or prior/ and decoder/ that each hold one; found neither" +
                     (fs::exists(model / "config.json") ? ", but config.json: it is one component of a model; give the whole model's folder"
                                                        : "; give the folder of a model in the layout of diffusers"));
  }
  throw ModelError((model / "model_index.json").string() +
                   ": _class_name: expected a pipeline of Stable Diffusion, WuerstchenCombinedPipeline, or the two" +
                   " published Würstchen folders side by side as prior/ and decoder/; found " +
                   stable_diffusion::describe_pipeline(class_name(model)) + "; take a model of these families");
}

}  // namespace

void check_model(const fs::path& model) { family_of(model); }

std::string_view name_of(Stage stage) {
  constexpr std::array<std::string_view, 5> names{"text", "prior", "decoder", "unet", "vae"};
  return names.at(static_cast<std::size_t>(stage));
}

std::unique_ptr<TextToImage> load_text_to_image(const fs::path& model, const EngineOptions& options) {
  return family_of(model).load(model, complete(options));
}

}  // namespace p2p::engine
