#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/model_finder.hpp"
#include "config/settings.hpp"
#include "engine/pipelines/model_card.hpp"

namespace p2p::app {

/// The setting models_dir; where it is not set, prompt2pic/models in the user's folder of data (XDG_DATA_HOME, or ~/.local/share), which
/// may not exist. Empty without a home.
std::filesystem::path own_models_folder(const AppConfig& config);

/// "P2P_MODELS_DIR=FOLDER " for a command line; empty where the setting is the default.
std::string models_dir_prefix(const AppConfig& config);

/// The existing folders of models, in search order: own_models_folder(), models/ of the source tree in which this program was built, and
/// share/prompt2pic/models of the installation.
std::vector<std::filesystem::path> model_search_path(const AppConfig& config);

/// The path of the model `config.model`: a name, a folder or a .safetensors file. Names are paths below the folders of model_search_path(),
/// of a file without the extension or with it; any characters will do. Throws UsageError that lists the available models and the folders
/// that were searched, or says what else the file is.
std::filesystem::path find_model(const AppConfig& config);

/// The engine's options: the settings, with the VAE resolved to its folder, and the folder of CLIP's tokenizers (in the build folder, or in
/// share/prompt2pic/clip of the installation). Throws UsageError if the VAE does not exist.
engine::EngineOptions engine_options(const AppConfig& config);

struct ModelInfo {
  std::string name;
  std::filesystem::path folder;  ///< or the file
  std::string family;            ///< such as "Wuerstchen"
  engine::ModelCard card;
  std::uint64_t disk_bytes = 0;
  std::uint64_t parameters = 0;  ///< numbers in the weights
  int width = 0;                 ///< px, default width of pictures
  int height = 0;                ///< px
  std::string problem;           ///< why it cannot be used; then only name and folder are set
};

/// All models by name, as find_model() would find them. Models that cannot be read have their problem.
std::vector<ModelInfo> list_models(const AppConfig& config);

}  // namespace p2p::app
