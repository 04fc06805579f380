#include <algorithm>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/bus/kafka/admin.hpp"
#include "platform/bus/kafka/client.hpp"
#include "platform/bus/kafka/log_reader.hpp"
#include "platform/bus/kafka/producer.hpp"
#include "platform/bus/kafka/subscription.hpp"

namespace p2p::bus {
namespace {

constexpr std::chrono::seconds kTimeout{10};

class KafkaBus : public Bus {
 public:
  explicit KafkaBus(const KafkaConfig& config) : config_(config) {
    // The client never joins this group. Without one, librdkafka crashes when a broker that is not the coordinator (yet) is asked for
    // committed offsets (its issue 5040).
    Conf conf = base_conf(config);
    set(conf, "group.id", "prompt2pic.workers");
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), background_);
  }

  std::unique_ptr<Producer> producer(std::chrono::milliseconds expiry) override { return kafka_producer(config_, expiry); }
  std::unique_ptr<Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                          Subscription::Events events) override {
    return kafka_subscription(config_, group, topics, std::move(events), logs_);
  }
  std::unique_ptr<LogReader> read_log(const std::string& topic, const StartAt& start) override {
    return kafka_log_reader(config_, topic, start, logs_);
  }

  void ensure_topics(const std::vector<TopicSpec>& topics) override {
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicSpec& topic : topics) kept_[topic.name] = topic;
    }
    for (const TopicSpec& topic : topics) logs_->log_of(topic.name);
    make_missing(topics);
  }
  std::string log_of(const std::string& topic) override { return logs_->log_of(topic); }

  Group describe_group(const std::string& group) override {
    std::array<const char*, 1> names{group.c_str()};
    const auto event =
        admin_call(config_, client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, kTimeout, [&](const auto* options, auto* queue) {
          rd_kafka_DescribeConsumerGroups(client_.get(), names.data(), names.size(), options, queue);
        });
    std::size_t count = 0;
    const auto* const groups =
        rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
    if (count != 1) return {};
    const auto* const description = groups[0];
    if (const auto* const error = rd_kafka_ConsumerGroupDescription_error(description)) {
      const auto code = rd_kafka_error_code(error);
      if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return {};
      throw bus_error(config_, "group " + group, code, rd_kafka_error_string(error));
    }
    const auto state = rd_kafka_ConsumerGroupDescription_state(description);
    Group result{.exists = state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD,
                 .stable = state == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE || state == RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY};
    for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(description); ++i) {
      const auto* const member = rd_kafka_ConsumerGroupDescription_member(description, i);
      const auto* const assignment = rd_kafka_MemberDescription_assignment(member);
      result.members.push_back({rd_kafka_MemberDescription_consumer_id(member), rd_kafka_MemberDescription_client_id(member),
                                partitions_of(assignment ? rd_kafka_MemberAssignment_partitions(assignment) : nullptr)});
    }
    return result;
  }

  Backlog backlog(const std::string& group, const std::string& topic) override {
    const auto found = find_topics(config_, client_.get(), {topic}, kTimeout);
    if (found.empty()) return {};
    std::vector<TopicPartition> partitions;
    for (int i = 0; i < found.at(topic).partitions; ++i) partitions.push_back({topic, i});
    const auto ends = end_offsets(config_, client_.get(), partitions, kTimeout);
    const PartitionList list = list_of(partitions);
    rd_kafka_ListConsumerGroupOffsets_t* wanted = rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get());
    Owned<rd_kafka_event_t> event;
    try {
      event = admin_call(
          config_, client_.get(), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, kTimeout,
          [&](const auto* options, auto* queue) { rd_kafka_ListConsumerGroupOffsets(client_.get(), &wanted, 1, options, queue); });
    } catch (...) {
      rd_kafka_ListConsumerGroupOffsets_destroy(wanted);
      throw;
    }
    rd_kafka_ListConsumerGroupOffsets_destroy(wanted);
    std::size_t groups = 0;
    const auto* const results =
        rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &groups);
    Backlog backlog{.topic_exists = true};
    const auto* const offsets = groups == 1 ? rd_kafka_group_result_partitions(results[0]) : nullptr;
    for (int i = 0; offsets && i < offsets->cnt; ++i) {
      const auto& partition = offsets->elems[i];
      const auto end = ends.find({partition.topic, partition.partition});
      if (end != ends.end()) backlog.records += end->second - std::max<std::int64_t>(partition.offset, 0);
    }
    return backlog;
  }

  std::vector<std::string> brokers(std::chrono::milliseconds timeout) override { return query_cluster(timeout).brokers; }

 private:
  void make_missing(const std::vector<TopicSpec>& topics) {
    const auto [brokers, counts] = query_cluster();
    std::vector<TopicSpec> missing;
    for (const TopicSpec& topic : topics) {
      const auto found = counts.find(topic.name);
      if (found == counts.end()) {
        missing.push_back(topic);
      } else if (found->second < topic.partitions) {
        add_partitions(topic);
      }
    }
    if (missing.empty()) return;
    create(missing, brokers);
    wait_for(missing);
  }

  /// Re-creates topics that disappear: brokers may come back with empty data, and topics may be deleted.
  void monitor_topics(const std::stop_token& stop) {
    std::string last_error;
    while (pause(std::chrono::seconds(1), stop)) {
      try {
        const auto found = find_topics(config_, client_.get(), logs_->topics(), std::chrono::seconds(2));
        for (const auto& [topic, now] : found) logs_->set(topic, now.log);
        std::vector<TopicSpec> missing;
        {
          const std::scoped_lock lock(mutex_);
          for (const auto& [name, topic] : kept_) {
            if (!found.contains(name)) missing.push_back(topic);
          }
        }
        if (missing.empty()) continue;
        log::warn("topics are missing and are created again", {{"first", missing.front().name}, {"count", missing.size()}});
        make_missing(missing);
        last_error.clear();
      } catch (const Error& error) {
        if (std::exchange(last_error, error.what()) != error.what()) log::warn("topics cannot be monitored", {{"error", error.what()}});
      }
    }
  }

  struct Cluster {
    std::vector<std::string> brokers;
    std::map<std::string, int> partitions;  ///< partition counts of the topics whose partitions all have a leader
  };

  Cluster query_cluster(std::chrono::milliseconds timeout = kTimeout) {
    const rd_kafka_metadata_t* raw = nullptr;
    const auto code = rd_kafka_metadata(client_.get(), 1, nullptr, &raw, static_cast<int>(timeout.count()));
    rd_kafka_poll(client_.get(), 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw bus_error(config_, "no answer", code, rd_kafka_err2str(code), background_.problem.text());
    background_.problem.clear();
    const Owned<const rd_kafka_metadata_t> metadata(raw);
    Cluster cluster;
    for (int i = 0; i < metadata->broker_cnt; ++i) {
      cluster.brokers.push_back(std::string(metadata->brokers[i].host) + ":" + std::to_string(metadata->brokers[i].port));
    }
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      if (metadata->topics[i].partition_cnt > 0) cluster.partitions[metadata->topics[i].topic] = metadata->topics[i].partition_cnt;
    }
    return cluster;
  }

  void create(const std::vector<TopicSpec>& topics, const std::vector<std::string>& brokers) {
    const int replicas = config_.replication.value_or(brokers.size() >= 3 ? 3 : -1);
    std::vector<Owned<rd_kafka_NewTopic_t>> wanted;
    std::vector<rd_kafka_NewTopic_t*> raw;
    for (const TopicSpec& topic : topics) {
      std::array<char, 300> why{};
      wanted.emplace_back(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, replicas, why.data(), why.size()));
      if (!wanted.back()) throw BusError("topic " + topic.name + ": " + why.data(), false);
      rd_kafka_NewTopic_set_config(wanted.back().get(), "retention.ms",
                                   std::to_string(std::chrono::milliseconds(topic.retention).count()).c_str());
      if (replicas >= 3) rd_kafka_NewTopic_set_config(wanted.back().get(), "min.insync.replicas", "2");
      raw.push_back(wanted.back().get());
    }
    const auto event = admin_call(config_, client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, kTimeout, [&](const auto* options, auto* queue) {
      rd_kafka_CreateTopics(client_.get(), raw.data(), raw.size(), options, queue);
    });
    std::size_t count = 0;
    const auto* const results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    std::string names;
    rd_kafka_resp_err_t problem = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (std::size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
      names += (names.empty() ? "" : ", ") + std::string(rd_kafka_topic_result_name(results[i]));
      problem = code;
    }
    if (problem != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw bus_error(config_, "these topics are missing and could not be created: " + names, problem, rd_kafka_err2str(problem));
  }

  void add_partitions(const TopicSpec& topic) {
    std::array<char, 300> why{};
    const Owned<rd_kafka_NewPartitions_t> wanted(
        rd_kafka_NewPartitions_new(topic.name.c_str(), static_cast<std::size_t>(topic.partitions), why.data(), why.size()));
    if (!wanted) throw BusError("topic " + topic.name + ": " + why.data(), false);
    rd_kafka_NewPartitions_t* raw = wanted.get();
    const auto event =
        admin_call(config_, client_.get(), RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, kTimeout,
                   [&](const auto* options, auto* queue) { rd_kafka_CreatePartitions(client_.get(), &raw, 1, options, queue); });
    std::size_t count = 0;
    const auto* const results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      // Not fatal: fewer workers can share the model.
      if (const auto code = rd_kafka_topic_result_error(results[i]);
          code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_INVALID_PARTITIONS) {
        log::warn("a topic has fewer partitions than workers may need",
                  {{"topic", topic.name}, {"wanted", topic.partitions}, {"error", rd_kafka_err2str(code)}});
      }
    }
  }

  /// Waits until the other brokers have the new topics in their metadata.
  void wait_for(const std::vector<TopicSpec>& topics) {
    const auto deadline = std::chrono::steady_clock::now() + kTimeout;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto counts = query_cluster().partitions;
      if (std::ranges::all_of(topics, [&](const TopicSpec& topic) { return counts.contains(topic.name); })) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    throw BusError("Kafka at " + config_.brokers + ": new topics do not appear", true);
  }

  KafkaConfig config_;
  Background background_;
  Owned<rd_kafka_t> client_;
  std::shared_ptr<TopicLogs> logs_ = std::make_shared<TopicLogs>();
  std::mutex mutex_;
  std::map<std::string, TopicSpec> kept_;
  std::jthread monitor_{[this](const std::stop_token& stop) { monitor_topics(stop); }};
};

}  // namespace

std::unique_ptr<Bus> kafka_bus(const KafkaConfig& config) { return std::make_unique<KafkaBus>(config); }

}  // namespace p2p::bus
