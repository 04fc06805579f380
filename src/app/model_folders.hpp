#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "engine/pipelines/model_card.hpp"

namespace p2p::app {

/// Folders that hold models, in the order they are searched: the setting's, then models/ of the source tree that this program was built in,
/// then share/prompt2pic/models of the place that it is installed in. Those that do not exist are left out.
std::vector<std::filesystem::path> model_places(const AppConfig& config);

/// The model `config.model`, a name, a folder or a .safetensors file. Throws UsageError that says which models there are and where they
/// were looked for.
std::filesystem::path find_model(const AppConfig& config);

/// What a model that was found is called: as its folder, or as its file without the ending.
std::string model_name(const std::filesystem::path& model);

/// The engine's part of the settings, with the folder of the vae that they name (UsageError where there is none), and the place where this
/// program has CLIP's tokenizers: in its build folder, or in share/prompt2pic/clip of the place that it is installed in.
engine::EngineOptions engine_options(const AppConfig& config);

struct ModelInfo {
  std::string name;
  std::filesystem::path folder;  ///< or the file
  std::string family;            ///< such as "Wuerstchen"
  engine::ModelCard card;
  std::uint64_t disk_bytes = 0;
  std::uint64_t parameters = 0;  ///< numbers in the weights
  int width = 0;                 ///< px, of a picture where nothing is asked for
  int height = 0;                ///< px
  std::string problem;           ///< why it cannot be used; then only name and folder are set
};

/// All models, each name once, as it would be found, by name; those that cannot be read with their problem.
std::vector<ModelInfo> list_models(const AppConfig& config);

}  // namespace p2p::app
