#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "platform/hub/descriptor.hpp"

namespace p2p::hub {

/// A folder in the making, PLACE/.NAME.part: one process at a time has it, an interrupted one leaves it for the next, and PLACE/NAME is
/// there only when it is whole.
class StagedFolder {
 public:
  /// Makes it or takes it up. Throws UsageError where another process has it; Error where it cannot be made.
  StagedFolder(const std::filesystem::path& place, const std::string& name);

  const std::filesystem::path& path() const { return path_; }
  /// Throws Error with both numbers where `bytes` more than are here already do not fit on the disk.
  void check_space(std::uint64_t bytes) const;
  /// Puts all on the disk and renames it to PLACE/NAME. Throws Error where that exists.
  void finish();

 private:
  std::filesystem::path path_;
  std::filesystem::path final_;
  Descriptor descriptor_;
};

}  // namespace p2p::hub
