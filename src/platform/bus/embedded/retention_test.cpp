#include <gmock/gmock.h>

#include "base/testing/temp_folder.hpp"
#include "platform/bus/embedded/broker.hpp"

namespace p2p::bus {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::seconds;

class EmbeddedRetention : public ::testing::Test {
 protected:
  /// Stores records of 1000 bytes with this time, as if it were now.
  void store(int count, Time time) {
    const Outgoing message{.topic = "t", .partition = 0, .key = "k", .value = std::string(1000, 'x'), .headers = {}};
    broker_->catalogue.with([&](embedded::Topics& topics) {
      embedded::Partition& partition = topics.at("t").partitions[0];
      std::vector<embedded::NewRecord> records;
      for (int i = 0; i < count; ++i) {
        partition.newest = std::max(partition.newest, time);
        records.push_back({partition.id, partition.end++, time, partition.newest, &message});
      }
      broker_->store.write(records, {});
    });
  }
  embedded::Partition partition() {
    return broker_->catalogue.with([](const embedded::Topics& topics) { return topics.at("t").partitions[0]; });
  }
  void open() {
    bus_.reset();
    broker_.reset();
    broker_ = open_embedded_broker(folder_.path() / "bus.db");
    bus_ = embedded_bus(broker_);
    bus_->ensure_topics({{"t", 1, hours(10)}});
  }
  EmbeddedRetention() { open(); }

  TempFolder folder_;
  std::shared_ptr<EmbeddedBroker> broker_;
  std::unique_ptr<Bus> bus_;
};

TEST_F(EmbeddedRetention, DeletesWhatIsOlder) {
  const Time at = now();
  store(1000, at - hours(11));
  store(10, at - hours(9));
  broker_->cleaner.clean({});
  EXPECT_EQ(partition().first, 1000);
  const auto reader = bus_->read_log("t", {.offsets = {{{"t", 0}, 5}}, .since = std::nullopt});
  const auto records = reader->poll(seconds(20));
  ASSERT_EQ(records.size(), 10u);
  EXPECT_EQ(records[0].offset, 1000);
}

TEST_F(EmbeddedRetention, OffsetsContinueAfterAllWasDeleted) {
  store(5, now() - hours(11));
  broker_->cleaner.clean({});
  open();
  EXPECT_EQ(partition().first, 5);
  EXPECT_EQ(partition().end, 5);
}

TEST_F(EmbeddedRetention, FileStaysBounded) {
  const auto size = [&] { return fs::file_size(folder_.path() / "bus.db"); };
  const auto store_expired = [&] { store(2000, now() - hours(11)); };
  store_expired();
  open();  // what is in the WAL goes to the database at closing
  const auto once = size();
  for (int round = 0; round < 4; ++round) {
    broker_->cleaner.clean({});
    store_expired();
  }
  open();
  EXPECT_LT(size(), once * 3 / 2) << "space is used again";
  broker_->cleaner.clean({});
  open();
  EXPECT_LT(size(), once / 2) << "unused space is returned";
}

TEST_F(EmbeddedRetention, RecordsOfAWrongClockAreDeletedToo) {
  store(3, now() + hours(1000));
  store(3, now() - hours(11));
  store(1, now());
  broker_->cleaner.clean({});
  EXPECT_EQ(partition().first, 6);
}

TEST_F(EmbeddedRetention, FindsTimesThoughTheClockWasSetBack) {
  const Time at = now() - hours(5);
  for (const int minute : {0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6}) store(1, at + std::chrono::minutes(minute));
  const auto first_since = [&](int minute) { return broker_->store.offset_at(partition(), at + std::chrono::minutes(minute)); };
  EXPECT_EQ(first_since(0), 0);
  EXPECT_EQ(first_since(3), 3);
  EXPECT_EQ(first_since(5), 9);
  EXPECT_EQ(first_since(7), 11);
}

}  // namespace
}  // namespace p2p::bus
