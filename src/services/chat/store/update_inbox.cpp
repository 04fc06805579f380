#include "services/chat/store/update_inbox.hpp"

#include <soci/soci.h>

#include "platform/db/database.hpp"

namespace p2p::chat {

UpdateInbox::UpdateInbox(Secret url) : url_(std::move(url)) {}
UpdateInbox::~UpdateInbox() = default;

template <typename Work>
void UpdateInbox::with_connection(const Work& work) {
  const std::scoped_lock lock(mutex_);
  const bool is_new = !sql_;
  if (is_new) sql_ = db::connect_postgres(url_);
  try {
    db::guard_postgres(*sql_, [&] {
      soci::transaction transaction(*sql_);
      if (is_new) {
        // Not one of the store's migrations, because updates are received while an older version may still work with the store.
        *sql_ << "SELECT pg_advisory_xact_lock(hashtextextended('prompt2pic.inbox', 0))";
        *sql_ << "CREATE TABLE IF NOT EXISTS inbox (id BIGINT PRIMARY KEY, json TEXT NOT NULL)";
      }
      work(*sql_);
      transaction.commit();
    });
  } catch (...) {
    sql_.reset();
    throw;
  }
}

void UpdateInbox::add(const Update& update) {
  with_connection([&](soci::session& sql) {
    sql << "INSERT INTO inbox (id, json) VALUES (:id, :json) ON CONFLICT DO NOTHING", soci::use(update.id), soci::use(update.json);
  });
}

std::vector<UpdateInbox::Update> UpdateInbox::oldest(int most) {
  std::vector<Update> updates;
  with_connection([&](soci::session& sql) {
    const soci::rowset<soci::row> rows = (sql.prepare << "SELECT id, json FROM inbox ORDER BY id LIMIT :most", soci::use(most));
    for (const soci::row& row : rows) updates.push_back({row.get<long long>(0), row.get<std::string>(1)});
  });
  return updates;
}

void UpdateInbox::remove(const std::vector<std::int64_t>& ids) {
  if (ids.empty()) return;
  with_connection([&](soci::session& sql) {
    for (const std::int64_t id : ids) sql << "DELETE FROM inbox WHERE id = :id", soci::use(id);
  });
}

}  // namespace p2p::chat
