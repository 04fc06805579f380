#include "platform/bus/embedded/embedded.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <fstream>

#include "base/testing/temp_folder.hpp"
#include "platform/bus/bus_error.hpp"
#include "platform/bus/embedded/broker.hpp"
#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

class EmbeddedBackend : public Backend {
 public:
  Bus& bus(const std::string& client_id) override {
    auto& bus = buses_[client_id];
    if (!bus) bus = embedded_bus(broker_, client_id);
    return *bus;
  }
  void expire(const TopicSpec& topic) override {
    while (bus("expire").backlog("nobody", topic.name).records > 0) broker_->cleaner.clean({});
  }

 private:
  TempFolder folder_;
  std::shared_ptr<EmbeddedBroker> broker_ = open_embedded_broker(folder_.path() / "bus.db");
  std::map<std::string, std::unique_ptr<Bus>> buses_;
};

const auto kEmbedded = ::testing::Values(Implementation{"embedded", [] { return std::make_unique<EmbeddedBackend>(); }});
INSTANTIATE_TEST_SUITE_P(Embedded, BusContract, kEmbedded);
INSTANTIATE_TEST_SUITE_P(Embedded, RetentionContract, kEmbedded);

}  // namespace
}  // namespace p2p::bus::testing

namespace p2p::bus {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EmbeddedTest : public ::testing::Test {
 protected:
  static Outgoing message(const std::string& value) { return {.topic = "t", .partition = 0, .key = "k", .value = value, .headers = {}}; }
  std::string error_of_opening() const {
    try {
      open_embedded_broker(file_);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }
  /// Another connection, as of a person with SQLite's command line.
  void sql(const char* statements) {
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &other), SQLITE_OK);
    other_.reset(other);
    ASSERT_EQ(sqlite3_exec(other, statements, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(other);
  }

  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };
  TempFolder folder_;
  fs::path file_ = folder_.path() / "a folder" / "bus.db";
  std::unique_ptr<sqlite3, Close> other_;
};

/// No file of this process may grow beyond this, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uintmax_t size) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = size, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_F(EmbeddedTest, KeepsEverythingAcrossRestarts) {
  std::string log;
  {
    const auto bus = embedded_bus(open_embedded_broker(file_));
    bus->ensure_topics({{"t", 2, std::chrono::hours(5)}});
    log = bus->log_of("t");
    const auto producer = bus->producer();
    for (const char* value : {"a", "b", "c"}) producer->send(message(value));
    ASSERT_TRUE(producer->flush(seconds(20)));
    const auto member = bus->subscribe("g", {"t"}, {});
    const auto records = member->poll(seconds(20));
    ASSERT_EQ(records.size(), 3u);
    member->done(records[0].topic_partition(), records[0].offset);
  }
  const auto broker = open_embedded_broker(file_);
  const auto bus = embedded_bus(broker);
  EXPECT_EQ(bus->log_of("t"), log);
  EXPECT_EQ(broker->store.topics().at("t").retention, std::chrono::hours(5));
  EXPECT_EQ(bus->backlog("g", "t").records, 2);
  EXPECT_TRUE(bus->describe_group("g").exists);
  const auto member = bus->subscribe("g", {"t"}, {});
  std::vector<std::string> values;
  for (const Record& record : member->poll(seconds(20))) values.push_back(record.value);
  EXPECT_THAT(values, ElementsAre("b", "c"));
}

TEST_F(EmbeddedTest, NewFileHasAnotherLog) {
  std::string log;
  for (int i = 0; i < 2; ++i) {
    const auto bus = embedded_bus(open_embedded_broker(file_));
    bus->ensure_topics({{"t", 1}});
    EXPECT_NE(std::exchange(log, bus->log_of("t")), bus->log_of("t"));
    fs::remove_all(file_.parent_path());
  }
}

TEST_F(EmbeddedTest, SecondOpeningIsRefused) {
  const auto broker = open_embedded_broker(file_);
  EXPECT_THAT(error_of_opening(), HasSubstr("in use by another process"));
}

TEST_F(EmbeddedTest, ForeignFilesAreRefused) {
  fs::create_directories(file_.parent_path());
  std::ofstream(file_) << std::string(10'000, 'x');
  EXPECT_THAT(error_of_opening(), HasSubstr("file is not a database; move the file away"));
  fs::remove(file_);
  sql("CREATE TABLE schema_version (version INTEGER); INSERT INTO schema_version VALUES (1); CREATE TABLE chats (id INTEGER)");
  EXPECT_THAT(error_of_opening(), HasSubstr("the database of something else"));
}

TEST_F(EmbeddedTest, DamagedFileIsRefused) {
  {
    const auto bus = embedded_bus(open_embedded_broker(file_));
    bus->ensure_topics({{"t", 1}});
    const auto producer = bus->producer();
    for (int i = 0; i < 300; ++i) producer->send(message(std::string(1000, 'x')));
    ASSERT_TRUE(producer->flush(seconds(20)));
  }
  fs::resize_file(file_, fs::file_size(file_) / 2);
  EXPECT_THAT(error_of_opening(), HasSubstr("malformed; move the file away"));
}

TEST_F(EmbeddedTest, StoresOnceWhatCouldNotBeStoredBefore) {
  const auto bus = embedded_bus(open_embedded_broker(file_));
  bus->ensure_topics({{"t", 1}});
  const auto member = bus->subscribe("g", {"t"}, {});
  member->poll({});
  sql("BEGIN IMMEDIATE");
  const auto producer = bus->producer();
  std::atomic<int> delivered = 0;
  producer->send(message("a"), [&](const Producer::Problem& problem) { delivered += problem.empty() ? 1 : 1000; });
  EXPECT_FALSE(producer->flush(milliseconds(5)));
  while (member->problem().empty()) EXPECT_EQ(member->poll(milliseconds(5)).size(), 0u);
  EXPECT_THAT(member->problem(), HasSubstr("locked"));
  EXPECT_THROW(bus->brokers(seconds(1)), BusError);
  EXPECT_THROW(bus->ensure_topics({{"u", 1}}), BusError);
  producer->send(message("b"), [&](const Producer::Problem& problem) { delivered += problem.empty() ? 1 : 1000; });
  other_.reset();
  ASSERT_TRUE(producer->flush(seconds(20)));
  EXPECT_EQ(delivered, 2);
  EXPECT_EQ(member->problem(), "");
  std::vector<std::string> values;
  while (values.size() < 2) {
    for (const Record& record : member->poll(seconds(1))) values.push_back(record.value);
  }
  EXPECT_THAT(values, ElementsAre("a", "b"));
}

TEST_F(EmbeddedTest, KeepsMessagesWhileTheFileCannotGrow) {
  const auto broker = open_embedded_broker(file_);
  const auto bus = embedded_bus(broker);
  bus->ensure_topics({{"t", 1}});
  const auto producer = bus->producer();
  {
    const FileSizeLimit limit(fs::file_size(file_.string() + "-wal") + 50'000);
    for (int i = 0; i < 50; ++i) producer->send(message(std::string(10'000, 'x')));
    while (broker->store.problem().empty()) EXPECT_FALSE(producer->flush(milliseconds(1)));
    EXPECT_THAT(broker->store.problem(), HasSubstr("disk I/O error"));
    EXPECT_LT(bus->backlog("g", "t").records, 50);
  }
  EXPECT_TRUE(producer->flush(seconds(20)));
  EXPECT_EQ(bus->backlog("g", "t").records, 50);
  EXPECT_EQ(broker->store.problem(), "");
}

TEST_F(EmbeddedTest, ReportsMessagesWhoseTopicStaysMissing) {
  const auto bus = embedded_bus(std::make_shared<EmbeddedBroker>(file_, milliseconds(5)));
  bus->ensure_topics({{"t", 1}});
  const auto producer = bus->producer();
  std::atomic<int> refused = 0;
  const auto count = [&](const Producer::Problem& problem) { refused += !problem.empty() && !problem.permanent ? 1 : 0; };
  EXPECT_TRUE(producer->flush({}));
  producer->send({.topic = "missing", .key = "k", .value = "x"}, count);
  producer->send({.topic = "t", .partition = 7, .key = "k", .value = "x", .headers = {}}, count);
  producer->send({.topic = "t", .partition = -1, .key = "k", .value = "x", .headers = {}}, count);
  EXPECT_TRUE(producer->flush(seconds(20)));
  EXPECT_EQ(refused, 3);
}

TEST_F(EmbeddedTest, MessagesWaitForTheirTopicInOrder) {
  const auto bus = embedded_bus(open_embedded_broker(file_));
  const auto producer = bus->producer();
  for (const char* value : {"a", "b", "c"}) producer->send(message(value));
  EXPECT_FALSE(producer->flush(milliseconds(5)));
  bus->ensure_topics({{"t", 1}});
  producer->send(message("d"));
  ASSERT_TRUE(producer->flush(seconds(20)));
  std::vector<std::string> values;
  for (const Record& record : bus->read_log("t", {.offsets = {}, .since = Time{}})->poll(seconds(20))) values.push_back(record.value);
  EXPECT_THAT(values, ElementsAre("a", "b", "c", "d"));
}

TEST_F(EmbeddedTest, RefusesInvalidTopics) {
  const auto bus = embedded_bus(open_embedded_broker(file_));
  for (const TopicSpec& wrong :
       {TopicSpec{"", 1}, TopicSpec{"a b", 1}, TopicSpec{std::string(250, 'x'), 1}, TopicSpec{"t", 0}, TopicSpec{"t", 1001}}) {
    EXPECT_THROW(bus->ensure_topics({wrong}), BusError) << wrong.name;
    EXPECT_FALSE(bus->backlog("g", wrong.name).topic_exists);
  }
}

}  // namespace
}  // namespace p2p::bus
