#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::hub {

/// A file as a hub lists it. One of the two hashes is there at least; both are lower-case hex.
struct RemoteFile {
  std::string path;  ///< in the repository, with slashes; see is_safe_path
  std::uint64_t size = 0;
  std::string sha256;    ///< of the bytes; of files in LFS alone
  std::string git_blob;  ///< SHA-1 as git takes it of a blob; of an LFS file that of its pointer, which nobody asks for
};

struct Listing {
  std::string repository;  ///< owner/name
  std::string commit;      ///< 40 hex digits
  std::string licence;     ///< such as "mit"; empty where the hub's card names none
  std::vector<RemoteFile> files;
};

/// Whether `name` is "owner/name" of letters, digits, '-', '_' and '.', at most 96 each, neither beginning with a dot.
bool is_repository(std::string_view name);

/// Whether the path stays in its folder on any system: plain components without "..", no backslash or control character, at most 400 bytes.
bool is_safe_path(std::string_view path);

/// Reads the answer to /api/models/OWNER/NAME/revision/REVISION?blobs=true. Throws Error that starts with `name` for anything but a
/// listing: no commit, a path that is not safe or there twice, a size beyond 2^50, more than 10,000 files. Files without size or hash are
/// left out: nothing about them could be checked.
Listing read_listing(std::string_view text, std::string_view name);

/// The same answer, so that a folder can say what it was made of; read_listing reads it again.
std::string write_listing(const Listing& listing);

}  // namespace p2p::hub
