#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace p2p::hub {

/// What huggingface_hub and its tools keep on this machine, found by their environment variables.
class HuggingFaceHome {
 public:
  using Environment = std::function<const char*(const char*)>;  ///< such as std::getenv
  explicit HuggingFaceHome(Environment environment) : environment_(std::move(environment)) {}

  /// The folder of downloaded repositories: HF_HUB_CACHE, else hub/ in HF_HOME, else ~/.cache/huggingface/hub. Empty without a home folder.
  std::filesystem::path cache() const;
  /// The token that `hf auth login` has saved, in HF_TOKEN_PATH, else in HF_HOME/token; empty if there is none.
  Secret saved_token() const;
  /// Whether HF_HUB_OFFLINE forbids requests.
  bool is_offline() const;

 private:
  std::string variable(const char* name) const;
  std::filesystem::path home() const;

  Environment environment_;
};

/// OWNER/NAME of a folder models--OWNER--NAME in the cache; nothing for any other name.
std::optional<std::string> cached_repository(std::string_view folder_name);

/// The folder of OWNER/NAME in `cache`, whether it exists or not.
std::filesystem::path cached_folder(const std::filesystem::path& cache, std::string_view repository);

/// The files of a repository's folder in the cache: the snapshot of the branch main, else the latest one. Empty if there is none.
std::filesystem::path cached_snapshot(const std::filesystem::path& folder);

}  // namespace p2p::hub
