#include "platform/bus/kafka/client.hpp"

#include <array>
#include <tuple>

#include "base/log.hpp"

namespace p2p::bus {
namespace {

void on_log(const rd_kafka_t*, int level, const char*, const char* text) {
  // librdkafka logs every failed connection; the relevant part reaches LastProblem.
  log::write(level <= 3 ? log::Level::warn : log::Level::debug, "kafka client", {{"text", text}});
}

void on_error(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  auto& background = *static_cast<Background*>(opaque);
  std::string text = reason;
  if (static_cast<rd_kafka_resp_err_t>(code) == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    rd_kafka_fatal_error(client, why.data(), why.size());
    text = why.data();
  }
  // "All brokers down" says less than the error of one broker.
  if (static_cast<rd_kafka_resp_err_t>(code) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !background.problem.text().empty()) return;
  background.problem.set(text);
}

bool contains(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

/// Advice, by the text of librdkafka's message.
std::string advice(const KafkaConfig& config, rd_kafka_resp_err_t code, const std::string& reason) {
  if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
      code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
    return "give the user '" + config.username + "' that permission (topics and groups that begin with prompt2pic.)";
  }
  if (contains(reason, "uthentication") || contains(reason, "SASL")) {
    return "check P2P_KAFKA_USERNAME, P2P_KAFKA_PASSWORD and P2P_KAFKA_SASL_MECHANISM";
  }
  if (contains(reason, "SSL") || contains(reason, "certificate")) return "check P2P_KAFKA_CA_FILE and P2P_KAFKA_SECURITY_PROTOCOL";
  if (contains(reason, "isconnected") || contains(reason, "ApiVersion")) {
    return "the brokers may expect another P2P_KAFKA_SECURITY_PROTOCOL than " + config.security_protocol;
  }
  return "check P2P_KAFKA_BROKERS";
}

}  // namespace

std::string words_of(rd_kafka_resp_err_t code) {
  const std::string words = rd_kafka_err2str(code);
  return code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ? words + "; this machine's clock or the broker's is off: set it (NTP)" : words;
}

void LastProblem::set(std::string text) {
  const std::scoped_lock lock(mutex_);
  text_ = std::move(text);
}
std::string LastProblem::text() const {
  const std::scoped_lock lock(mutex_);
  return text_;
}
void LastProblem::clear() { set(""); }

void set(const Conf& conf, const std::string& name, const std::string& value) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
    throw UsageError("the Kafka client refuses its configuration: " + std::string(name.ends_with("password") ? name : why.data()));
  }
}

Conf base_conf(const KafkaConfig& config) {
  Conf conf(rd_kafka_conf_new());
  set(conf, "bootstrap.servers", config.brokers);
  set(conf, "client.id", config.client_id);
  set(conf, "security.protocol", config.security_protocol);
  if (!config.sasl_mechanism.empty()) set(conf, "sasl.mechanism", config.sasl_mechanism);
  if (!config.username.empty()) set(conf, "sasl.username", config.username);
  if (!config.password.empty()) set(conf, "sasl.password", config.password.expose());
  if (!config.ca_file.empty()) set(conf, "ssl.ca.location", config.ca_file);
  // Notices a broker that comes back, or a new leader, within about a second.
  set(conf, "reconnect.backoff.ms", "50");
  set(conf, "reconnect.backoff.max.ms", "1000");
  set(conf, "retry.backoff.ms", "50");
  set(conf, "retry.backoff.max.ms", "500");
  set(conf, "topic.metadata.refresh.interval.ms", "10000");
  set(conf, "topic.metadata.refresh.fast.interval.ms", "50");
  set(conf, "socket.timeout.ms", "10000");
  set(conf, "socket.nagle.disable", "true");
  set(conf, "socket.keepalive.enable", "true");
  set(conf, "log.connection.close", "false");
  set(conf, "allow.auto.create.topics", "false");
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  return conf;
}

Owned<rd_kafka_t> make_client(rd_kafka_type_t type, Conf conf, Background& background) {
  rd_kafka_conf_set_opaque(conf.get(), &background);
  std::array<char, 512> why{};
  Owned<rd_kafka_t> client(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (!client) throw UsageError(std::string("the Kafka client refuses its configuration: ") + why.data());
  std::ignore = conf.release();  // the client owns it now
  return client;
}

void close_consumer(Owned<rd_kafka_t>& client) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client.get()));
  const Owned<rd_kafka_error_t> refusal(rd_kafka_consumer_close_queue(client.get(), queue.get()));
  while (!refusal && !rd_kafka_consumer_closed(client.get())) {
    if (std::chrono::steady_clock::now() >= deadline) {
      log::warn("the brokers did not confirm that a consumer left; its session will time out");
      std::ignore = queue.release();
      std::ignore = client.release();
      return;
    }
    // Runs the callbacks and drops fetched messages until the end: rd_kafka_queue_poll_callback would abort the process at a message, and
    // rd_kafka_queue_poll would return the revocation instead of running its callback.
    const Owned<rd_kafka_message_t> message(rd_kafka_consume_queue(queue.get(), 100));
  }
  queue.reset();  // drops what was fetched meanwhile; destroying the client would wait for it
  rd_kafka_destroy_flags(client.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

PartitionList list_of(const std::vector<TopicPartition>& partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& partition : partitions)
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  return list;
}

std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> partitions;
  for (int i = 0; list && i < list->cnt; ++i) partitions.push_back({list->elems[i].topic, list->elems[i].partition});
  return partitions;
}

BusError bus_error(const KafkaConfig& config, const std::string& what, rd_kafka_resp_err_t code, const std::string& reason,
                   const std::string& problem) {
  const std::string why = problem.empty() ? reason : problem;
  const bool refused = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
                       code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || contains(why, "uthentication fail");
  return {"Kafka at " + config.brokers + ": " + what + ": " + why + "; " + advice(config, code, why), !refused};
}

bool is_missing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID;
}

Record to_record(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t kind{};
  Record record{.topic = rd_kafka_topic_name(message.rkt),
                .partition = message.partition,
                .offset = message.offset,
                .timestamp = from_millis(rd_kafka_message_timestamp(&message, &kind))};
  if (message.key) record.key.assign(static_cast<const char*>(message.key), message.key_len);
  if (message.payload) record.value.assign(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      record.headers.emplace_back(name, std::string(static_cast<const char*>(value), value ? size : 0));
    }
  }
  return record;
}

}  // namespace p2p::bus
