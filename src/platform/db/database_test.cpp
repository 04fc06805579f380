#include "platform/db/database.hpp"

#include <gmock/gmock.h>
#include <soci/soci.h>

#include <array>
#include <fstream>

#include "base/testing/temp_folder.hpp"

namespace p2p::db {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFirst{"CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"};
constexpr std::array kSecond{kFirst[0], "CREATE TABLE b (x INTEGER);\nINSERT INTO b SELECT x + 1 FROM a;"};
constexpr std::array kBroken{kFirst[0], "INSERT INTO a VALUES (2); INSERT INTO missing VALUES (3);"};

class DatabaseTest : public ::testing::Test {
 protected:
  static int number(Database& database, const std::string& query) {
    int result = 0;
    database.sql() << query, soci::into(result);
    return result;
  }

  TempFolder temporary;
  fs::path folder = temporary.path() / "state";
  Secret url{"sqlite:///" + (folder / "x.db").string()};
};

TEST_F(DatabaseTest, RunsEachMigrationOnce) {
  Database(url, kFirst);
  Database(url, kSecond);
  Database database(url, kSecond);
  EXPECT_EQ(number(database, "SELECT COUNT(*) FROM a"), 1);
  EXPECT_EQ(number(database, "SELECT SUM(x) FROM b"), 2);
}

TEST_F(DatabaseTest, AMigrationThatFailsChangesNothing) {
  Database(url, kFirst);
  EXPECT_THROW(Database(url, kBroken), DatabaseError);
  Database database(url, kSecond);
  EXPECT_EQ(number(database, "SELECT SUM(x) FROM a"), 1);
}

TEST_F(DatabaseTest, ANewerDatabaseIsRefused) {
  Database(url, kSecond);
  EXPECT_THROW(Database(url, kFirst), UsageError);
}

TEST_F(DatabaseTest, ATransactionIsAllOrNothing) {
  Database database(url, kFirst);
  EXPECT_THROW(database.transaction([&] {
    database.sql() << "INSERT INTO a VALUES (5)";
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  EXPECT_THROW(database.transaction([&] { database.sql() << "INSERT INTO missing VALUES (5)"; }), DatabaseError);
  database.transaction([&] { database.sql() << "INSERT INTO a VALUES (6)"; });
  EXPECT_EQ(number(database, "SELECT SUM(x) FROM a"), 7);
}

TEST_F(DatabaseTest, BelongsToOneProcess) {
  EXPECT_FALSE(Database::is_in_use(url));
  const Database database(url, kFirst);
  EXPECT_TRUE(Database::is_in_use(url));
  EXPECT_THROW(Database(url, kFirst), UsageError);
}

TEST_F(DatabaseTest, PathMayContainSpaces) {
  const fs::path file = folder / "my data" / "x y.db";
  Database(Secret("sqlite:///" + file.string()), kFirst);
  EXPECT_GT(fs::file_size(file), 0u);
}

TEST_F(DatabaseTest, ErrorsNameTheSetting) {
  const Database database(url, kFirst, "P2P_X");
  try {
    Database(url, kFirst, "P2P_X");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), ::testing::EndsWith("in use by another process; each needs one of its own, set P2P_X"));
  }
}

TEST_F(DatabaseTest, OtherUrlsAreRefused) {
  for (const char* text : {"sqlite://x", "sqlite:///", "mysql://x"}) EXPECT_THROW(Database(Secret(text), kFirst), UsageError) << text;
}

TEST_F(DatabaseTest, IsForThisUserAlone) {
  const auto expect_private = [&] {
    const Database database(url, kFirst);
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.push_back(entry.path().filename());
      EXPECT_EQ(entry.status().permissions(), fs::perms{0600}) << entry.path();
    }
    EXPECT_THAT(names, ::testing::UnorderedElementsAre("x.db", "x.db-shm", "x.db-wal", "x.db.lock"));
  };
  expect_private();
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms{0700});
  fs::permissions(folder / "x.db", fs::perms{0644});  // as an earlier version made it, and did not end well
  for (const char* name : {"x.db-wal", "x.db-shm"}) {
    std::ofstream(folder / name);
    fs::permissions(folder / name, fs::perms{0644});
  }
  expect_private();
}

}  // namespace
}  // namespace p2p::db
