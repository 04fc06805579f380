#pragma once

#include <array>

namespace p2p::chat {

/// SQL for db::Database. A released migration is never changed.
extern const std::array<const char*, 3> kMigrations;

}  // namespace p2p::chat
