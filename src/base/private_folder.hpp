#pragma once

#include <filesystem>
#include <system_error>

namespace p2p {

/// Creates a folder and its missing parents, readable only by this user. Existing folders are unchanged. `failed` is set on failure and
/// cleared otherwise.
void make_private_folders(const std::filesystem::path& folder, std::error_code& failed);

}  // namespace p2p
