#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "platform/hub/descriptor.hpp"

namespace p2p::hub {

/// A folder under construction, PARENT/.NAME.part, locked by one process at a time. After an interruption the next process resumes it.
/// PARENT/NAME exists only once it is complete.
class StagedFolder {
 public:
  /// Creates or resumes it. Throws UsageError if another process has locked it, Error if it cannot be created.
  StagedFolder(const std::filesystem::path& parent, const std::string& name);

  const std::filesystem::path& path() const { return path_; }
  /// Throws Error if the disk has no room for `bytes`, less what is already in the folder.
  void check_space(std::uint64_t bytes) const;
  /// Syncs to disk and renames to PARENT/NAME. Throws Error if that exists.
  void finish();
  /// The same for the file `name`, the folder's only one: to PARENT/`as`. Removes the folder.
  void finish_file(const std::string& name, const std::string& as);

 private:
  std::filesystem::path path_;
  std::filesystem::path final_;
  Descriptor descriptor_;
};

}  // namespace p2p::hub
