#include "platform/hub/hugging_face.hpp"

#include <fstream>

#include "base/text.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModels = "models--";

/// The first line of a small file.
std::string line_of(const fs::path& file) {
  constexpr std::size_t kMost = 4096;
  std::string line(kMost, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  return std::string(trimmed(line.substr(0, line.find('\n'))));
}

}  // namespace

std::string HuggingFaceHome::variable(const char* name) const {
  const char* const value = environment_(name);
  return value ? value : "";
}

fs::path HuggingFaceHome::home() const {
  if (const std::string folder = variable("HF_HOME"); !folder.empty()) return folder;
  if (const std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) return fs::path(folder) / "huggingface";
  if (const std::string folder = variable("HOME"); !folder.empty()) return fs::path(folder) / ".cache/huggingface";
  return {};
}

fs::path HuggingFaceHome::cache() const {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string folder = variable(name); !folder.empty()) return folder;
  }
  const fs::path folder = home();
  return folder.empty() ? folder : folder / "hub";
}

Secret HuggingFaceHome::saved_token() const {
  const std::string file = variable("HF_TOKEN_PATH");
  return Secret(line_of(file.empty() ? home() / "token" : fs::path(file)));
}

bool HuggingFaceHome::is_offline() const {
  const std::string value = to_lower(variable("HF_HUB_OFFLINE"));
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

std::optional<std::string> cached_repository(std::string_view folder_name) {
  if (!folder_name.starts_with(kModels)) return std::nullopt;
  std::string name(folder_name.substr(kModels.size()));
  const std::size_t dashes = name.find("--");
  if (dashes == std::string::npos) return std::nullopt;
  name.replace(dashes, 2, "/");
  return is_repository(name) ? std::optional(name) : std::nullopt;
}

fs::path cached_folder(const fs::path& cache, std::string_view repository) {
  std::string name(repository);
  if (const std::size_t slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  return cache / (std::string(kModels) + name);
}

fs::path cached_snapshot(const fs::path& folder) {
  std::error_code missing;
  const std::string commit = line_of(folder / "refs/main");
  const fs::path snapshots = folder / "snapshots";
  if (is_safe_path(commit) && fs::is_directory(snapshots / commit, missing)) return snapshots / commit;
  fs::path latest;
  fs::file_time_type time{};
  for (const auto& entry : fs::directory_iterator(snapshots, missing)) {
    if (!entry.is_directory() || (!latest.empty() && entry.last_write_time() <= time)) continue;
    latest = entry.path();
    time = entry.last_write_time();
  }
  return latest;
}

}  // namespace p2p::hub
