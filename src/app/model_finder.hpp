#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace p2p::app {

/// Folders and files of models below `folders`, by name: the path below the folder, without a file's extension, or OWNER/NAME in Hugging
/// Face's cache. Earlier folders take precedence, and in each of them folders over files.
std::map<std::string, std::filesystem::path> find_models(const std::vector<std::filesystem::path>& folders);

/// The folder or file of a model at `path`: for the folder of a repository in Hugging Face's cache (models--OWNER--NAME) its snapshot, or
/// the only checkpoint in that; else `path` itself.
std::filesystem::path model_at(const std::filesystem::path& path);

/// The name of a model: that of its folder, of its file without the extension, or of its repository in Hugging Face's cache.
std::string model_name(const std::filesystem::path& model);

/// The folders of a model that have a model_index.json; the published Wuerstchen has two. Empty if there is none.
std::vector<std::filesystem::path> indexed_folders(const std::filesystem::path& folder);

/// Whether a file has weights in a format that is not read; such files are listed, so that the list says why they cannot be used.
bool is_known_weights(const std::filesystem::path& file);

}  // namespace p2p::app
