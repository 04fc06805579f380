#include "engine/pipelines/stable_diffusion/model_index.hpp"

#include <array>
#include <utility>

namespace p2p::engine::stable_diffusion {
namespace {

constexpr std::array kFamilies{std::pair{"StableDiffusionPipeline", Family::stable_diffusion},
                               std::pair{"LatentConsistencyModelPipeline", Family::latent_consistency},
                               std::pair{"StableDiffusionXLPipeline", Family::xl}};

Family family_of(const ConfigReader& index) {
  const std::string name = index.text("_class_name");
  std::string known;
  for (const auto& [pipeline, family] : kFamilies) {
    if (name == pipeline) return family;
    known += (known.empty() ? "" : ", ") + std::string(pipeline);
  }
  index.fail("_class_name", "expected one of " + known + "; found \"" + name + "\"");
}

}  // namespace

ModelIndex::ModelIndex(const std::filesystem::path& folder)
    : folder_(folder), reader_(folder / "model_index.json"), family_(family_of(reader_)) {}

std::string ModelIndex::class_of(std::string_view component) const {
  const auto entry = reader_.json().find(component);
  if (entry == reader_.json().end() || !entry->is_array() || entry->size() != 2 || !entry->at(1).is_string()) {
    reader_.fail(component, R"(expected a library and a class, such as ["diffusers", "AutoencoderKL"], found )" +
                                (entry == reader_.json().end() ? "none" : excerpt(*entry)));
  }
  return entry->at(1);
}

std::filesystem::path ModelIndex::folder(std::string_view component) const {
  class_of(component);
  return folder_ / component;
}

bool ModelIndex::force_zeros_for_empty_prompt() const { return reader_.boolean("force_zeros_for_empty_prompt", true); }

}  // namespace p2p::engine::stable_diffusion
