#include "platform/bus/kafka/producer.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include "base/log.hpp"
#include "platform/bus/kafka/client.hpp"

namespace p2p::bus {
namespace {

/// A message until it is delivered; librdkafka reads its bytes from here.
struct Pending {
  Outgoing message;
  Producer::Delivered delivered;
};

class KafkaProducer : public Producer {
 public:
  explicit KafkaProducer(const KafkaConfig& config) : config_(config) {
    background_.owner = this;
    start_client();
    poller_ = std::thread([this] { poll(); });
  }

  ~KafkaProducer() override {
    stop_ = true;
    poller_.join();
    // What nobody waited for with flush() is dropped with the client; its callbacks are not called.
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    closing_ = true;
    rd_kafka_poll(client_.get(), 0);
  }

  void send(Outgoing message, Delivered delivered) override {
    const std::scoped_lock lock(mutex_);
    produce(std::make_unique<Pending>(std::move(message), std::move(delivered)));
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
  void start_client() {
    Conf conf = base_conf(config_);
    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "all");
    set(conf, "linger.ms", "0.5");
    set(conf, "message.timeout.ms", "0");  // for ever
    set(conf, "request.timeout.ms", "10000");
    set(conf, "queue.buffering.max.messages", "0");  // bounded by those who send
    set(conf, "compression.type", "lz4");
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    client_ = make_client(RD_KAFKA_PRODUCER, std::move(conf), background_);
  }

  void produce(std::unique_ptr<Pending> pending) {
    Outgoing& message = pending->message;
    std::vector<rd_kafka_vu_t> fields(6);
    fields[0] = {.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = message.topic.c_str()}};
    fields[1] = {.vtype = RD_KAFKA_VTYPE_PARTITION, .u = {.i32 = message.partition.value_or(RD_KAFKA_PARTITION_UA)}};
    fields[2] = {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {message.key.data(), message.key.size()}}};
    fields[3] = {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {message.value.data(), message.value.size()}}};
    fields[4] = {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = 0}};  // the bytes stay where they are
    fields[5] = {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u = {.ptr = pending.get()}};
    for (auto& [name, value] : message.headers) {
      fields.push_back({.vtype = RD_KAFKA_VTYPE_HEADER, .u = {.header = {name.c_str(), value.data(), static_cast<ssize_t>(value.size())}}});
    }
    ++waiting_;
    const Owned<rd_kafka_error_t> refusal(rd_kafka_produceva(client_.get(), fields.data(), fields.size()));
    if (!refusal) {
      std::ignore = pending.release();  // on_delivery() takes it back
      return;
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(refusal.get());
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      again_.push_back(std::move(pending));
      --waiting_;
    } else {
      refused_.emplace_back(std::move(pending), rd_kafka_err2str(code));
    }
  }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& self = *static_cast<KafkaProducer*>(static_cast<Background*>(opaque)->owner);
    self.delivered(std::unique_ptr<Pending>(static_cast<Pending*>(message->_private)), message->err);
  }

  void delivered(std::unique_ptr<Pending> pending, rd_kafka_resp_err_t code) {
    // A fatal error of the idempotent producer, and what is purged because of it, says nothing about the message itself.
    const bool fatal = code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                       code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
                       rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && fatal) {
      if (closing_) return;
      const std::scoped_lock lock(mutex_);
      again_.push_back(std::move(pending));
      --waiting_;
      return;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) background_.problem.clear();
    if (pending->delivered) {
      pending->delivered(code == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : pending->message.topic + ": " + rd_kafka_err2str(code));
    } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      log::error("a message was not delivered",
                 {{"topic", pending->message.topic}, {"id", pending->message.key}, {"error", rd_kafka_err2str(code)}});
    }
    --waiting_;
  }

  void poll() {
    while (!stop_) {
      rd_kafka_poll(client_.get(), 100);
      std::deque<std::pair<std::unique_ptr<Pending>, std::string>> refused;
      {
        const std::scoped_lock lock(mutex_);
        refused.swap(refused_);
        if (rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) waiting_restart_ = true;
      }
      for (auto& [pending, why] : refused) {
        if (pending->delivered) pending->delivered(pending->message.topic + ": " + why);
        --waiting_;
      }
      if (waiting_restart_) restart();
    }
  }

  /// A fatal error leaves the client useless: what it had not delivered goes out by a new one, in the old order.
  void restart() {
    log::warn("the Kafka producer starts anew", {{"reason", background_.problem.text()}});
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(client_.get()) > 0) rd_kafka_poll(client_.get(), 50);
    const std::scoped_lock lock(mutex_);
    start_client();
    waiting_restart_ = false;
    std::deque<std::unique_ptr<Pending>> again;
    again.swap(again_);
    for (auto& pending : again) produce(std::move(pending));
  }

  KafkaConfig config_;
  Background background_;
  Owned<rd_kafka_t> client_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Pending>> again_;
  std::deque<std::pair<std::unique_ptr<Pending>, std::string>> refused_;  ///< told from the poller, as Delivered promises
  std::atomic<std::int64_t> waiting_ = 0;
  std::atomic<bool> stop_ = false;
  bool closing_ = false;
  bool waiting_restart_ = false;
  std::thread poller_;
};

}  // namespace

std::unique_ptr<Producer> kafka_producer(const KafkaConfig& config) { return std::make_unique<KafkaProducer>(config); }

}  // namespace p2p::bus
