// The producer with librdkafka's mock brokers.

#include "platform/bus/kafka/producer.hpp"

#include <gmock/gmock.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <mutex>

namespace p2p::bus {
namespace {

using std::chrono::seconds;

constexpr std::int16_t kProduce = 0;  // Kafka's API key

class KafkaProducerTest : public ::testing::Test {
 protected:
  KafkaProducerTest() {
    rd_kafka_mock_topic_create(brokers_, "t", 1, 1);
    producer_ = kafka_producer({.brokers = rd_kafka_mock_cluster_bootstraps(brokers_)}, {}, [this](rd_kafka_t* client) {
      client_ = client;
      if (++clients_ == 2) flushed_at_restart_ = producer_->flush({});
    });
  }
  ~KafkaProducerTest() override {
    producer_.reset();
    rd_kafka_mock_cluster_destroy(brokers_);
  }

  void send(const std::string& value) {
    producer_->send({.topic = "t", .partition = 0, .key = "k", .value = value, .headers = {}},
                    [this, value](const Producer::Problem& problem) {
                      const std::scoped_lock lock(mutex_);
                      ++reports_[value];
                      if (!problem.empty()) problems_[value] = problem;
                    });
  }
  void fail_for_good() { rd_kafka_test_fatal_error(client_, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test"); }

  Background background_;
  Owned<rd_kafka_t> host_ = make_client(RD_KAFKA_PRODUCER, Conf(rd_kafka_conf_new()), background_);
  rd_kafka_mock_cluster_t* brokers_ = rd_kafka_mock_cluster_new(host_.get(), 1);
  std::mutex mutex_;
  std::map<std::string, int> reports_;
  std::map<std::string, Producer::Problem> problems_;
  std::atomic<rd_kafka_t*> client_ = nullptr;
  std::atomic<int> clients_ = 0;
  std::atomic<bool> flushed_at_restart_ = false;
  std::unique_ptr<Producer> producer_;
};

TEST_F(KafkaProducerTest, FlushWaitsForMessagesDelayedByFatalError) {
  send("before");
  ASSERT_TRUE(producer_->flush(seconds(20)));
  rd_kafka_mock_broker_set_down(brokers_, 1);
  send("held up");
  fail_for_good();
  send("refused");
  rd_kafka_mock_broker_set_up(brokers_, 1);
  EXPECT_TRUE(producer_->flush(seconds(20)));
  EXPECT_EQ(clients_, 2);
  EXPECT_FALSE(flushed_at_restart_) << "two messages are undelivered";
  EXPECT_THAT(reports_,
              ::testing::UnorderedElementsAre(::testing::Pair("before", 1), ::testing::Pair("held up", 1), ::testing::Pair("refused", 1)));
  EXPECT_TRUE(problems_.empty());
}

TEST_F(KafkaProducerTest, ReportsEachMessageOnceAcrossFatalErrors) {
  int sent = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i) send(std::to_string(sent++));
    fail_for_good();
    for (int i = 0; i < 10; ++i) send(std::to_string(sent++));
    EXPECT_TRUE(producer_->flush(seconds(20)));
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ(reports_.size(), static_cast<std::size_t>(sent));
  }
  for (const auto& [value, times] : reports_) EXPECT_EQ(times, 1) << value;
  for (const auto& [value, problem] : problems_) ADD_FAILURE() << value << ": " << problem.text;
}

TEST_F(KafkaProducerTest, ExpiredMessageIsReportedOnceAndTheNextIsStored) {
  producer_ = kafka_producer({.brokers = rd_kafka_mock_cluster_bootstraps(brokers_)}, std::chrono::milliseconds(300));
  send("in time");
  ASSERT_TRUE(producer_->flush(seconds(20)));
  rd_kafka_mock_broker_set_down(brokers_, 1);
  send("too late");
  EXPECT_TRUE(producer_->flush(seconds(20)));
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_TRUE(problems_.at("too late").expired);
  EXPECT_FALSE(problems_.at("too late").permanent);
  rd_kafka_mock_broker_set_up(brokers_, 1);
  // Connecting again may take longer than the expiry.
  std::string last;
  for (int attempt = 0; attempt < 50 && (last.empty() || problems_.contains(last)); ++attempt) {
    last = "afterwards " + std::to_string(attempt);
    send(last);
    EXPECT_TRUE(producer_->flush(seconds(20)));
  }
  EXPECT_FALSE(problems_.contains(last));
  EXPECT_EQ(reports_.at("too late"), 1);
}

TEST_F(KafkaProducerTest, RefusedMessageIsPermanentProblem) {
  send(std::string(2'000'000, 'x'));  // above librdkafka's own limit
  EXPECT_TRUE(producer_->flush(seconds(20)));
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_TRUE(problems_.begin()->second.permanent);
  problems_.clear();

  rd_kafka_mock_push_request_errors(brokers_, kProduce, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  send("refused by the broker");
  EXPECT_TRUE(producer_->flush(seconds(20)));
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_TRUE(problems_.begin()->second.permanent);
  problems_.clear();

  rd_kafka_mock_push_request_errors(brokers_, kProduce, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  send("not permitted");
  EXPECT_TRUE(producer_->flush(seconds(20)));
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_FALSE(problems_.begin()->second.permanent) << "the operator can fix it";
}

}  // namespace
}  // namespace p2p::bus
