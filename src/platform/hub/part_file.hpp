#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "platform/hub/descriptor.hpp"
#include "platform/hub/digest.hpp"

namespace p2p::hub {

/// A partially downloaded file, which resumes what an earlier attempt left, and its hash. Throws Error that names the file
/// if it cannot be read or written.
class PartFile {
 public:
  /// Opens or creates `path`, whose folder must exist. Symbolic links are not followed.
  PartFile(const std::filesystem::path& path, const RemoteFile& file);

  std::uint64_t size() const { return size_; }
  void append(std::string_view bytes);
  /// Empties it.
  void restart();
  /// Whether the file is complete and its hash is right. If so, it has been synced to disk. To be called once, after
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
