// p2p_kafka_contract: the suite of src/platform/bus/testing with real Kafka, whose brokers are in P2P_KAFKA_BROKERS. Called by
// tests/service/test_bus.py.

#include <cstdlib>
#include <map>

#include "platform/bus/kafka/admin.hpp"
#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

std::string brokers() {
  const char* const text = std::getenv("P2P_KAFKA_BROKERS");
  if (text == nullptr) throw std::runtime_error("set P2P_KAFKA_BROKERS");
  return text;
}

class KafkaBackend : public Backend {
 public:
  Bus& bus(const std::string& client_id) override {
    auto& bus = buses_[client_id];
    if (!bus) bus = kafka_bus({.brokers = brokers(), .client_id = client_id});
    return *bus;
  }

  /// The bus creates it again, as it is in its list of topics.
  void recreate(const TopicSpec& topic) override {
    std::unique_ptr<rd_kafka_DeleteTopic_t, decltype(&rd_kafka_DeleteTopic_destroy)> wanted(rd_kafka_DeleteTopic_new(topic.name.c_str()),
                                                                                            &rd_kafka_DeleteTopic_destroy);
    rd_kafka_DeleteTopic_t* raw = wanted.get();
    admin_call(config_, client_.get(), RD_KAFKA_ADMIN_OP_DELETETOPICS, kTimeout,
               [&](const auto* options, auto* queue) { rd_kafka_DeleteTopics(client_.get(), &raw, 1, options, queue); });
  }

  void expire(const TopicSpec& topic) override {
    const PartitionList list = list_of({{topic.name, 0}});
    list->elems[0].offset = RD_KAFKA_OFFSET_END;
    std::unique_ptr<rd_kafka_DeleteRecords_t, decltype(&rd_kafka_DeleteRecords_destroy)> wanted(rd_kafka_DeleteRecords_new(list.get()),
                                                                                                &rd_kafka_DeleteRecords_destroy);
    rd_kafka_DeleteRecords_t* raw = wanted.get();
    admin_call(config_, client_.get(), RD_KAFKA_ADMIN_OP_DELETERECORDS, kTimeout,
               [&](const auto* options, auto* queue) { rd_kafka_DeleteRecords(client_.get(), &raw, 1, options, queue); });
  }

 private:
  static constexpr std::chrono::seconds kTimeout{20};
  KafkaConfig config_{.brokers = brokers()};
  Background background_;
  Owned<rd_kafka_t> client_ = make_client(RD_KAFKA_PRODUCER, base_conf(config_), background_);
  std::map<std::string, std::unique_ptr<Bus>> buses_;
};

const auto kKafka = ::testing::Values(Implementation{"kafka", [] { return std::make_unique<KafkaBackend>(); }});
INSTANTIATE_TEST_SUITE_P(Kafka, BusContract, kKafka);
INSTANTIATE_TEST_SUITE_P(Kafka, RecreationContract, kKafka);
INSTANTIATE_TEST_SUITE_P(Kafka, RetentionContract, kKafka);

}  // namespace
}  // namespace p2p::bus::testing
