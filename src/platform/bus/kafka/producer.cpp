#include "platform/bus/kafka/producer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <vector>

#include "base/log.hpp"
#include "platform/bus/kafka/client.hpp"

namespace p2p::bus {
namespace {

/// A message that is not yet delivered. librdkafka reads its bytes from here.
struct Pending {
  std::int64_t number = 0;  ///< order of send()
  Outgoing message;
  Producer::Delivered delivered;
  std::optional<std::chrono::steady_clock::time_point> missing_since;  ///< since when its topic is missing
};

/// How long to wait for a missing topic, which most likely is being re-created, and how often to check.
constexpr std::chrono::seconds kWaitForTopic{60};
constexpr std::chrono::milliseconds kCheckForTopic{500};

/// Whether the brokers will never accept the message, whatever the configuration.
bool is_permanent(rd_kafka_resp_err_t code) {
  constexpr std::array kCodes{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
                              RD_KAFKA_RESP_ERR_INVALID_MSG,        RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
                              RD_KAFKA_RESP_ERR_INVALID_RECORD,     RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
                              RD_KAFKA_RESP_ERR__INVALID_ARG};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

class KafkaProducer : public Producer {
 public:
  KafkaProducer(const KafkaConfig& config, std::chrono::milliseconds expiry, std::function<void(rd_kafka_t*)> on_client)
      : config_(config), expiry_(expiry), on_client_(std::move(on_client)) {
    background_.owner = this;
    client_ = new_client();
    poller_ = std::thread([this] { poll(); });
  }

  ~KafkaProducer() override {
    stop_ = true;
    poller_.join();
    // Messages that nobody waited for with flush() are dropped; their callbacks are not called.
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    closing_ = true;
    rd_kafka_poll(client_.get(), 0);
  }

  void send(Outgoing message, Delivered delivered) override {
    const std::scoped_lock lock(mutex_);
    ++waiting_;
    produce(std::make_unique<Pending>(++sent_, std::move(message), std::move(delivered), std::nullopt));
  }

  bool flush(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (waiting_ > 0) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

 private:
  Owned<rd_kafka_t> new_client() {
    Conf conf = base_conf(config_);
    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "all");
    set(conf, "linger.ms", "0.5");
    set(conf, "message.timeout.ms", std::to_string(expiry_.count()));  // 0: no limit
    set(conf, "request.timeout.ms", "10000");
    set(conf, "queue.buffering.max.messages", "0");  // bounded by the senders
    set(conf, "compression.type", "lz4");
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    auto client = make_client(RD_KAFKA_PRODUCER, std::move(conf), background_);
    if (on_client_) on_client_(client.get());
    return client;
  }

  void produce(std::unique_ptr<Pending> pending) {
    Outgoing& message = pending->message;
    std::vector<rd_kafka_vu_t> fields(6);
    fields[0] = {.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = message.topic.c_str()}};
    fields[1] = {.vtype = RD_KAFKA_VTYPE_PARTITION, .u = {.i32 = message.partition.value_or(RD_KAFKA_PARTITION_UA)}};
    fields[2] = {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {message.key.data(), message.key.size()}}};
    fields[3] = {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {message.value.data(), message.value.size()}}};
    fields[4] = {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = 0}};  // do not copy the bytes
    fields[5] = {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u = {.ptr = pending.get()}};
    for (auto& [name, value] : message.headers) {
      fields.push_back({.vtype = RD_KAFKA_VTYPE_HEADER, .u = {.header = {name.c_str(), value.data(), static_cast<ssize_t>(value.size())}}});
    }
    const Owned<rd_kafka_error_t> refusal(rd_kafka_produceva(client_.get(), fields.data(), fields.size()));
    if (!refusal) {
      std::ignore = pending.release();  // on_delivery() takes it back
      return;
    }
    if (is_useless()) {  // after a fatal error the call fails with that error's code
      keep(std::move(pending));
    } else {
      refused_.emplace_back(std::move(pending), rd_kafka_error_code(refusal.get()));
    }
  }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& self = *static_cast<KafkaProducer*>(static_cast<Background*>(opaque)->owner);
    self.delivered(std::unique_ptr<Pending>(static_cast<Pending*>(message->_private)), message->err);
  }

  void delivered(std::unique_ptr<Pending> pending, rd_kafka_resp_err_t code) {
    // A fatal error of the idempotent producer, and the purge that follows it, are not the fault of this message.
    const bool fatal = code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                       code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || is_useless();
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && fatal) {
      if (closing_) return;
      const std::scoped_lock lock(mutex_);
      return keep(std::move(pending));
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) background_.problem.clear();
    settle(std::move(pending), code);
  }

  void settle(std::unique_ptr<Pending> pending, rd_kafka_resp_err_t code) {
    const auto now = std::chrono::steady_clock::now();
    if (is_missing(code) && now - pending->missing_since.value_or(now) < kWaitForTopic) {
      if (!pending->missing_since) pending->missing_since = now;
      const auto number = pending->number;
      without_topic_.emplace(number, std::move(pending));
      return;
    }
    report(std::move(pending), code);
  }

  /// True after a fatal error.
  bool is_useless() const { return rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR; }

  /// Keeps the message for the next client.
  void keep(std::unique_ptr<Pending> pending) {
    const auto number = pending->number;
    again_.emplace(number, std::move(pending));
  }

  void report(std::unique_ptr<Pending> pending, rd_kafka_resp_err_t code) {
    const bool stored = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (pending->delivered) {
      pending->delivered(
          stored ? Problem{}
                 : Problem{pending->message.topic + ": " + words_of(code), is_permanent(code), code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT});
    } else if (!stored) {
      log::error("a message was not delivered",
                 {{"topic", pending->message.topic}, {"id", pending->message.key}, {"error", words_of(code)}});
    }
    --waiting_;
  }

  void poll() {
    while (!stop_) {
      rd_kafka_poll(client_.get(), 100);
      std::deque<std::pair<std::unique_ptr<Pending>, rd_kafka_resp_err_t>> refused;
      {
        const std::scoped_lock lock(mutex_);
        refused.swap(refused_);
      }
      for (auto& [pending, why] : refused) settle(std::move(pending), why);
      if (!without_topic_.empty() && std::chrono::steady_clock::now() >= check_at_) check_for_topics();
      if (is_useless()) restart();
    }
  }

  /// librdkafka caches that a topic is missing; only fresh metadata shows that it exists again.
  void check_for_topics() {
    const rd_kafka_metadata_t* raw = nullptr;
    rd_kafka_metadata(client_.get(), 0, nullptr, &raw, static_cast<int>(std::chrono::milliseconds(kCheckForTopic).count()));
    const Owned<const rd_kafka_metadata_t> metadata(raw);
    check_at_ = std::chrono::steady_clock::now() + kCheckForTopic;
    const std::scoped_lock lock(mutex_);
    for (auto& [number, pending] : std::exchange(without_topic_, {})) produce(std::move(pending));
  }

  /// After a fatal error a client cannot be used any more: a new one sends its undelivered messages, in the old order.
  void restart() {
    log::warn("the Kafka producer restarts", {{"reason", background_.problem.text()}});
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(client_.get()) > 0) rd_kafka_poll(client_.get(), 50);
    Owned<rd_kafka_t> client;  // swapped with the old one, which is destroyed outside the lock, since that may take seconds
    try {
      client = new_client();
    } catch (const Error& error) {
      return log::error("the Kafka producer cannot restart; trying again", {{"error", error.what()}});
    }
    const std::scoped_lock lock(mutex_);
    client_.swap(client);
    for (auto& [number, pending] : std::exchange(again_, {})) produce(std::move(pending));
  }

  KafkaConfig config_;
  const std::chrono::milliseconds expiry_;
  Background background_;
  Owned<rd_kafka_t> client_;
  std::mutex mutex_;
  std::function<void(rd_kafka_t*)> on_client_;
  std::map<std::int64_t, std::unique_ptr<Pending>> again_;  ///< to be sent by the next client, by number
  std::deque<std::pair<std::unique_ptr<Pending>, rd_kafka_resp_err_t>>
      refused_;  ///< reported by the poller, because Delivered is called from another thread
  std::map<std::int64_t, std::unique_ptr<Pending>> without_topic_;  ///< messages with missing topics; used only by the poller
  std::chrono::steady_clock::time_point check_at_;                  ///< used only by the poller
  std::int64_t sent_ = 0;
  std::atomic<std::int64_t> waiting_ = 0;  ///< sent and not yet reported
  std::atomic<bool> stop_ = false;
  bool closing_ = false;
  std::thread poller_;
};

}  // namespace

std::unique_ptr<Producer> kafka_producer(const KafkaConfig& config, std::chrono::milliseconds expiry,
                                         std::function<void(rd_kafka_t*)> on_client) {
  return std::make_unique<KafkaProducer>(config, expiry, std::move(on_client));
}

}  // namespace p2p::bus
