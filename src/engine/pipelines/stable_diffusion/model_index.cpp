#include "engine/pipelines/stable_diffusion/model_index.hpp"

#include <utility>

#include "engine/checkpoint/original_family.hpp"
#include "engine/sampling/scheduler_config.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;

Family family_of(const ConfigReader& index) {
  const std::string name = index.text("_class_name");
  if (const auto family = family_of_pipeline(name)) return *family;
  index.fail("_class_name", "expected a pipeline of Stable Diffusion 1, 2 or XL or of a latent consistency model, found " +
                                describe_pipeline(name) + "; take a model of these");
}

/// Refuses a folder whose networks need more than words.
void check_task(const fs::path& folder, const ConfigReader& index, Family family) {
  const auto first = index.json().find("text_encoder");
  if (family == Family::xl && first != index.json().end() && first->is_array() && !first->empty() && first->front().is_null()) {
    index.fail("text_encoder",
               "expected one, found none: this is a refiner of SDXL, which goes on with a picture of the base model; take "
               "the base model");
  }
  const fs::path file = folder / "unet" / "config.json";
  if (!fs::exists(file)) return;
  const ConfigReader unet(file);
  const std::size_t channels = unet.size("in_channels", 1, 1024, 4);
  if (const std::string_view task = unet_task(channels); !task.empty())
    unet.fail("in_channels", "expected 4, found " + std::to_string(channels) + ": the model is " + std::string(task) +
                                 "; take one that draws from words alone");
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
    : model_(model), clip_(std::move(clip)), file_(open_file(model)), reader_(read_index(model, file_)), family_(family_of(reader_)) {
  if (!file_) check_task(model, reader_, family_);
}

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
