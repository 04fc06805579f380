#include "engine/pipelines/stable_diffusion/model_index.hpp"

#include <array>
#include <utility>

#include "engine/sampling/scheduler_config.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;

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

std::optional<SingleFile> open_file(const fs::path& model) {
  return fs::is_directory(model) ? std::nullopt : std::optional<SingleFile>(model);
}

ConfigReader read_scheduler(const SingleFile& file) {
  const fs::path beside = file.scheduler_beside();
  return beside.empty() ? ConfigReader(file.path(), file.default_scheduler()) : read_scheduler_config(beside);
}

ConfigReader read_index(const fs::path& model, const std::optional<SingleFile>& file) {
  if (!file) return model / "model_index.json";
  return {model, published_model_index(file->family(), read_scheduler(*file).text("_class_name"))};
}

}  // namespace

ModelIndex::ModelIndex(const fs::path& model, fs::path clip)
    : model_(model), clip_(std::move(clip)), file_(open_file(model)), reader_(read_index(model, file_)), family_(family_of(reader_)) {}

std::string ModelIndex::class_of(std::string_view component) const {
  const auto entry = reader_.json().find(component);
  if (entry == reader_.json().end() || !entry->is_array() || entry->size() != 2 || !entry->at(1).is_string()) {
    reader_.fail(component, R"(expected a library and a class, such as ["diffusers", "AutoencoderKL"], found )" +
                                (entry == reader_.json().end() ? "none" : excerpt(*entry)));
  }
  return entry->at(1);
}

fs::path ModelIndex::folder(const std::string& component) const {
  class_of(component);
  return model_ / component;
}

Component ModelIndex::component(const std::string& name) const { return file_ ? file_->component(name) : Component(folder(name)); }

fs::path ModelIndex::tokenizer(const std::string& name) const { return file_ ? file_->tokenizer(name, clip_) : folder(name); }

ConfigReader ModelIndex::scheduler() const {
  return file_ ? read_scheduler(*file_) : read_scheduler_config(folder("scheduler") / "scheduler_config.json");
}

bool ModelIndex::force_zeros_for_empty_prompt() const { return reader_.boolean("force_zeros_for_empty_prompt", true); }

}  // namespace p2p::engine::stable_diffusion
