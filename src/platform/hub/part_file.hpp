#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "platform/hub/descriptor.hpp"
#include "platform/hub/digest.hpp"

namespace p2p::hub {

/// A file that is being downloaded: what an earlier try has left of it is taken up. Hashes what it holds. Throws Error that names the file
/// where it cannot be read or written.
class PartFile {
 public:
  /// Opens or makes `path`, whose folder is there. A symbolic link is not followed.
  PartFile(const std::filesystem::path& path, const RemoteFile& file);

  std::uint64_t size() const { return size_; }
  void append(std::string_view bytes);
  /// Empties it.
  void restart();
  /// Whether all bytes are there and their hash is the listed one. If so, they are on the disk when this returns. To be asked once after
  /// the last append().
  bool is_right();

 private:
  [[noreturn]] void fail(const std::string& doing) const;

  std::filesystem::path path_;
  RemoteFile file_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
  Digest digest_;
};

}  // namespace p2p::hub
