#pragma once

#include <array>
#include <filesystem>

#include "base/secret.hpp"

namespace p2p::bus::embedded {

/// SQL for db::Database. A released migration is never changed.
extern const std::array<const char*, 1> kMigrations;

/// The URL of the file for db::Database. Throws UsageError if the file exists and is damaged or something else than a bus.
Secret url_of_bus(const std::filesystem::path& file);

}  // namespace p2p::bus::embedded
