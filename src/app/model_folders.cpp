#include "app/model_folders.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <tuple>

#include "app/model_finder.hpp"
#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "engine/pipelines/check_model.hpp"
#include "engine/pipelines/stable_diffusion.hpp"
#include "platform/hub/hugging_face.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

fs::path program_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

bool has_weights(const fs::path& folder) {
  const auto is_weights = [](const fs::directory_entry& entry) { return entry.path().extension() == ".safetensors"; };
  return fs::is_directory(folder) && std::any_of(fs::directory_iterator(folder), fs::directory_iterator(), is_weights);
}

std::uint64_t count_parameters(const engine::WeightFiles& weights) {
  std::uint64_t count = 0;
  for (const auto& [name, entry] : weights.tensors) count += entry.view.data.size() / engine::size_of(entry.view.dtype);
  return count;
}

std::string family_of(const std::string& pipeline_class) {
  constexpr std::array kFamilies{std::pair{"Wuerstchen", "Wuerstchen"}, std::pair{"StableDiffusionXL", "Stable Diffusion XL"},
                                 std::pair{"StableDiffusion", "Stable Diffusion"}, std::pair{"LatentConsistency", "Latent Consistency"}};
  for (const auto& [start, family] : kFamilies) {
    if (pipeline_class.starts_with(start)) return family;
  }
  return pipeline_class;
}

void describe_file(ModelInfo& info) {
  const engine::SingleFile file(info.folder);
  info.family = file.family() == engine::OriginalFamily::sdxl ? "Stable Diffusion XL" : "Stable Diffusion";
  info.disk_bytes = fs::file_size(info.folder);
  for (const char* part : {"unet", "vae", "text_encoder", "text_encoder_2"}) {
    if (file.has(part)) info.parameters += count_parameters(file.component(part).weights);
  }
}

ModelInfo describe(const std::string& name, const fs::path& folder) {
  engine::check_model(folder);
  ModelInfo info{.name = name, .folder = folder, .family = {}, .card = engine::read_model_card(folder), .problem = {}};
  info.width = info.card.width.value_or(1024);
  info.height = info.card.height.value_or(1024);
  if (!(info.card.width && info.card.height) && engine::is_stable_diffusion(folder)) {
    std::tie(info.width, info.height) = engine::stable_diffusion_size(folder);
  }
  if (!fs::is_directory(folder)) {
    describe_file(info);
    return info;
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) info.disk_bytes += entry.file_size();
  }
  for (const fs::path& part : indexed_folders(folder)) {
    const Json index = read_json(part / "model_index.json");
    if (!index.is_object()) throw ModelError((part / "model_index.json").string() + ": expected an object");
    for (const auto& [key, value] : index.items()) {
      if (key == "_class_name" && value.is_string()) info.family = family_of(value.get<std::string>());
      const bool is_component = value.is_array() && key.find('/') == std::string::npos && key.find("..") == std::string::npos;
      if (is_component && has_weights(part / key)) info.parameters += count_parameters(engine::open_weights(part / key));
    }
  }
  return info;
}

/// The VAE at a path: a folder with config.json, or a .safetensors file; empty if there is none.
fs::path vae_at(const fs::path& path) {
  if (fs::exists(path / "config.json")) return fs::canonical(path);
  return engine::is_single_file(path) && fs::exists(path) ? fs::absolute(path) : fs::path();
}

/// Resolves the name, folder or file of a VAE; empty for an empty one.
fs::path find_vae(const AppConfig& config, const fs::path& wanted) {
  if (wanted.empty()) return {};
  if (fs::path vae = vae_at(wanted); !vae.empty()) return vae;
  if (wanted.is_relative()) {
    for (const fs::path& folder : model_search_path(config)) {
      for (const fs::path& name : {wanted, fs::path(wanted.string() + ".safetensors")}) {
        if (fs::path vae = vae_at(folder / name); !vae.empty()) return vae;
      }
    }
  }
  throw UsageError("there is no vae '" + wanted.string() +
                   "': expected a folder with config.json, a .safetensors file, or the name of one in P2P_MODELS_DIR" +
                   (wanted == "taesd" ? "; prompt2pic pull taesd downloads it" : ""));
}

}  // namespace

fs::path own_models_folder(const AppConfig& config) {
  if (!config.models_dir.empty()) return config.models_dir;
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return value ? std::string(value) : std::string();
  };
  const std::string data = variable("XDG_DATA_HOME");
  const std::string home = variable("HOME");
  if (data.starts_with('/')) return fs::path(data) / "prompt2pic" / "models";
  return home.starts_with('/') ? fs::path(home) / ".local" / "share" / "prompt2pic" / "models" : fs::path();
}

std::string models_dir_prefix(const AppConfig& config) {
  return config.models_dir == own_models_folder({}) ? "" : "P2P_MODELS_DIR=" + config.models_dir.string() + " ";
}

std::vector<fs::path> model_search_path(const AppConfig& config) {
  const fs::path binary_folder = program_folder();
  std::vector<fs::path> folders{own_models_folder(config)};
  if (fs::exists(binary_folder / "CMakeCache.txt")) folders.push_back((binary_folder / "../../models").lexically_normal());
  folders.push_back((binary_folder / "../share/prompt2pic/models").lexically_normal());
  std::erase_if(folders, [](const fs::path& folder) {
    std::error_code unreadable;
    return !fs::is_directory(folder, unreadable);
  });
  return folders;
}

fs::path find_model(const AppConfig& config) {
  const std::string& wanted = config.model;
  const std::vector<fs::path> folders = model_search_path(config);
  const std::map<std::string, fs::path> models = find_models(folders);
  if (const auto found = models.find(wanted); found != models.end()) {
    if (is_known_weights(found->second)) throw UsageError(wrong_file(found->second, kExpectedModel));
    return found->second;
  }
  // The name of a file in one of the folders, with its extension.
  for (const auto& [name, path] : models) {
    if (name + path.extension().string() == wanted && !fs::is_directory(path)) return path;
  }
  if (fs::is_directory(wanted)) return model_at(fs::canonical(wanted));
  // Do not resolve links: the target may have another name and other files beside it.
  if (fs::exists(wanted) && engine::is_single_file(wanted)) return fs::absolute(wanted);
  const bool is_there = fs::exists(fs::symlink_status(wanted));
  if (is_there || wanted.starts_with('/') || wanted.starts_with("./") || wanted.starts_with("../"))
    throw UsageError(wrong_file(wanted, kExpectedModel));

  const bool is_repository = hub::is_repository(wanted);
  if (is_repository) {
    const hub::HuggingFaceHome home([](const char* name) -> const char* { return std::getenv(name); });
    if (const fs::path folder = hub::cached_folder(home.cache(), wanted); fs::is_directory(folder)) return model_at(folder);
  }
  std::string names;
  for (const auto& [name, folder] : models) names += (names.empty() ? "" : ", ") + name;
  std::string looked;
  for (const fs::path& folder : folders) looked += (looked.empty() ? "" : " and ") + folder.string();
  throw UsageError("there is no model '" + wanted + "'; " + (names.empty() ? "there is none at all" : "there are " + names) +
                   " (looked in " + (looked.empty() ? "nothing: set P2P_MODELS_DIR" : looked) +
                   "); --model takes a folder or a .safetensors file too" +
                   (is_repository ? "; prompt2pic pull " + wanted + " downloads that repository" : ""));
}

engine::EngineOptions engine_options(const AppConfig& config) {
  engine::EngineOptions options = config.engine;
  options.vae = find_vae(config, options.vae);
  options.preview_vae = find_vae(config, options.preview_vae);
  if (const fs::path loras = own_models_folder(config) / "loras"; options.loras_dir.empty() && fs::is_directory(loras))
    options.loras_dir = loras;
  const fs::path built = program_folder() / "clip";
  options.clip_tokenizers = fs::exists(built) ? built : (program_folder() / "../share/prompt2pic/clip").lexically_normal();
  return options;
}

std::vector<ModelInfo> list_models(const AppConfig& config) {
  std::vector<ModelInfo> infos;
  for (const auto& [name, folder] : find_models(model_search_path(config))) {
    try {
      infos.push_back(describe(name, folder));
    } catch (const Error& error) {  // an invalid folder must not hide the others
      infos.push_back({.name = name, .folder = folder, .family = {}, .card = {}, .problem = error.what()});
    }
  }
  return infos;
}

}  // namespace p2p::app
