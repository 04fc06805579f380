#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace p2p::blob {

/// Whether `key` has the form that BlobStore requires.
bool is_key(std::string_view key);

/// Throws BlobError (refused) unless `key` has the form that BlobStore requires.
void check_key(std::string_view key);

/// The folders whose objects have a date: drawn pictures, pictures to begin with, and previews.
inline constexpr std::array<std::string_view, 3> kDatedFolders{"images/", "inputs/", "previews/"};

/// The day in FOLDER/YYYY/MM/DD..., where the folder is one of kDatedFolders; nullopt for other paths.
std::optional<std::chrono::sys_days> day_of(std::string_view path);

}  // namespace p2p::blob
