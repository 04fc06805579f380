#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace p2p::blob {

/// Whether `key` is as BlobStore says.
bool is_key(std::string_view key);

/// Throws BlobError (refused) unless `key` is as BlobStore says.
void check_key(std::string_view key);

/// The day in images/YYYY/MM/DD...; nothing for any other path.
std::optional<std::chrono::sys_days> day_of(std::string_view path);

}  // namespace p2p::blob
