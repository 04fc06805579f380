#include "base/private_folder.hpp"

#include <sys/stat.h>

#include <cerrno>

namespace p2p {

void make_private_folders(const std::filesystem::path& folder, std::error_code& failed) {
  failed.clear();
  if (folder.empty() || std::filesystem::is_directory(folder, failed)) return;
  make_private_folders(folder.parent_path(), failed);
  if (failed || !folder.has_filename()) return;  // "a/b/" has the parent "a/b"
  if (::mkdir(folder.c_str(), 0700) == 0 || (errno == EEXIST && std::filesystem::is_directory(folder, failed))) return failed.clear();
  failed.assign(errno == EEXIST ? ENOTDIR : errno, std::generic_category());
}

}  // namespace p2p
