#pragma once

#include <array>

namespace p2p::chat {

// SQL for db::Database. A released migration is never changed.
extern const std::array<const char*, 4> kMigrations;          ///< SQLite
extern const std::array<const char*, 2> kPostgresMigrations;  ///< begins with the tables that SQLite's version 3 has

}  // namespace p2p::chat
