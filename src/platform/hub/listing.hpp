#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::hub {

/// A file in a listing of the hub. At least one of the two hashes is set; both are lower-case hex.
struct RemoteFile {
  std::string path;  ///< in the repository, with slashes; see is_safe_path
  std::uint64_t size = 0;
  std::string sha256;    ///< of the content; only for files in LFS
  std::string git_blob;  ///< git's SHA-1 of the blob; for LFS files that of the pointer, which is not downloaded
};

struct Listing {
  std::string repository;  ///< owner/name
  std::string commit;      ///< 40 hex digits
  std::string licence;     ///< such as "mit"; empty if the card names none
  std::vector<RemoteFile> files;
};

/// Whether `name` is "owner/name", each of at most 96 letters, digits, '-', '_' and '.', not beginning with a dot.
bool is_repository(std::string_view name);

/// Whether the path stays inside its folder on any system: plain components without "..", no backslash or control character, at most 400
/// bytes.
bool is_safe_path(std::string_view path);

/// Parses the response to /api/models/OWNER/NAME/revision/REVISION?blobs=true. Throws Error that starts with `name` for an invalid
/// listing: no commit, an unsafe or duplicate path, a size beyond 2^50, more than 10,000 files. Files without size or hash are
/// skipped, because they cannot be verified.
Listing read_listing(std::string_view text, std::string_view name);

/// The listing in the same format, as a record in the folder; read_listing parses it again.
std::string write_listing(const Listing& listing);

}  // namespace p2p::hub
