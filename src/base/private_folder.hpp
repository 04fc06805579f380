#pragma once

#include <filesystem>
#include <system_error>

namespace p2p {

/// Makes a folder and what is missing above it, each readable by this user alone; what is there already stays as it is. `failed` says what
/// went wrong, and is cleared otherwise.
void make_private_folders(const std::filesystem::path& folder, std::error_code& failed);

}  // namespace p2p
