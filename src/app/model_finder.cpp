#include "app/model_finder.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "engine/checkpoint/single_file.hpp"
#include "platform/hub/hugging_face.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

/// Folders of what goes with models, in the layouts of other programs.
bool holds_no_models(const fs::path& folder) {
  constexpr std::array<std::string_view, 12> kOthers{"lora",       "loras",          "lycoris", "vae",
                                                     "vaes",       "vae_approx",     "clip",    "embeddings",
                                                     "controlnet", "upscale_models", "esrgan",  "hypernetworks"};
  const std::string name = to_lower(folder.filename().string());
  return name.starts_with('.') || std::ranges::find(kOthers, name) != kOthers.end() || fs::exists(folder / "config.json");
}

/// The models below a folder, by their paths in it.
class ModelFinder {
 public:
  explicit ModelFinder(const fs::path& root) { look_in(root, "", 0); }

  /// Folders take precedence over files.
  std::map<std::string, fs::path> models() && {
    folders_.merge(files_);
    return std::move(folders_);
  }

 private:
  void look_in(const fs::path& folder, const std::string& prefix, int depth) {
    constexpr int kMostDepth = 3;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end && left_-- > 0; entry.increment(error)) {
      const fs::path path = entry->path();
      const std::string file = path.filename().string();
      if (file.starts_with('.')) continue;  // hidden, or not complete
      std::error_code unreadable;
      if (entry->is_directory(unreadable)) {
        if (const auto repository = hub::cached_repository(file))
          folders_.emplace(*repository, model_at(path));
        else if (!indexed_folders(path).empty())
          folders_.emplace(prefix + file, path);
        else if (depth < kMostDepth && !holds_no_models(path))
          look_in(path, prefix + file + "/", depth + 1);
      } else if (entry->is_regular_file(unreadable)) {
        if (engine::is_single_file(path)) files_.emplace(prefix + path.stem().string(), path);
        if (is_known_weights(path)) files_.emplace(prefix + file, path);
      }
    }
  }

  int left_ = 100'000;  ///< entries, against folders that hold each other
  std::map<std::string, fs::path> folders_;
  std::map<std::string, fs::path> files_;
};

}  // namespace

std::map<std::string, fs::path> find_models(const std::vector<fs::path>& folders) {
  std::map<std::string, fs::path> models;
  for (const fs::path& folder : folders) models.merge(ModelFinder(folder).models());
  return models;
}

fs::path model_at(const fs::path& path) {
  if (!hub::cached_repository(path.filename().string())) return path;
  const fs::path snapshot = hub::cached_snapshot(path);
  if (snapshot.empty() || !indexed_folders(snapshot).empty()) return snapshot.empty() ? path : snapshot;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(snapshot)) {
    if (engine::is_single_file(entry.path())) files.push_back(entry.path());
  }
  return files.size() == 1 ? files.front() : snapshot;
}

std::string model_name(const fs::path& model) {
  if (engine::is_single_file(model)) return model.stem().string();
  if (model.parent_path().filename() == "snapshots") {
    const auto repository = hub::cached_repository(model.parent_path().parent_path().filename().string());
    if (repository) return repository->substr(repository->find('/') + 1);
  }
  return model.filename().string();
}

std::vector<fs::path> indexed_folders(const fs::path& folder) {
  if (fs::exists(folder / "model_index.json")) return {folder};
  if (fs::exists(folder / "prior/model_index.json") && fs::exists(folder / "decoder/model_index.json"))
    return {folder / "prior", folder / "decoder"};
  return {};
}

bool is_known_weights(const fs::path& file) {
  const std::string extension = to_lower(file.extension().string());
  return extension == ".ckpt" || extension == ".gguf";
}

}  // namespace p2p::app
