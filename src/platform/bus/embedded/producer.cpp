#include "base/log.hpp"
#include "platform/bus/embedded/clients.hpp"

namespace p2p::bus::embedded {
namespace {

constexpr std::size_t kMaxMessage = 1'000'000;  // bytes of key, value and headers, as with Kafka

std::size_t size_of(const Outgoing& message) {
  std::size_t size = message.key.size() + message.value.size();
  for (const auto& [name, value] : message.headers) size += name.size() + value.size();
  return size;
}

class EmbeddedProducer : public Producer {
 public:
  explicit EmbeddedProducer(std::shared_ptr<EmbeddedBroker> broker) : broker_(std::move(broker)) {}
  ~EmbeddedProducer() override { reports_->close(); }

  void send(Outgoing message, Delivered delivered) override {
    reports_->expect();
    if (const auto size = size_of(message); size > kMaxMessage) {
      Problem problem{message.topic + ": a message of " + std::to_string(size) + " bytes is too large", true};
      if (!delivered) log::error("a message was not delivered", {{"topic", message.topic}, {"id", message.key}, {"error", problem.text}});
      return reports_->add(std::move(delivered), std::move(problem));
    }
    broker_->writer.add({std::move(message), std::move(delivered), reports_, std::chrono::steady_clock::now()});
  }

  bool flush(std::chrono::milliseconds timeout) override { return reports_->flush(timeout); }

 private:
  std::shared_ptr<EmbeddedBroker> broker_;
  std::shared_ptr<Reports> reports_ = std::make_shared<Reports>();
};

}  // namespace

std::unique_ptr<Producer> make_producer(std::shared_ptr<EmbeddedBroker> broker) {
  return std::make_unique<EmbeddedProducer>(std::move(broker));
}

}  // namespace p2p::bus::embedded
