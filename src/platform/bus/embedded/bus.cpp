#include <algorithm>

#include "platform/bus/bus_error.hpp"
#include "platform/bus/embedded/clients.hpp"

namespace p2p::bus {
namespace {

using embedded::Partition;
using embedded::Topic;
using embedded::Topics;

constexpr int kMaxPartitions = 1000;
constexpr std::size_t kMaxName = 249;

void check(const TopicSpec& topic) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (topic.name.empty() || topic.name.size() > kMaxName || topic.name.find_first_not_of(kAllowed) != std::string::npos)
    throw BusError("the topic '" + topic.name + "' cannot be created: a name has up to 249 letters, digits and ._-", false);
  if (topic.partitions < 1 || topic.partitions > kMaxPartitions)
    throw BusError("the topic " + topic.name + " cannot be created: it may have 1 to 1000 partitions", false);
}

class EmbeddedBus : public Bus {
 public:
  EmbeddedBus(std::shared_ptr<EmbeddedBroker> broker, std::string client_id)
      : broker_(std::move(broker)), client_id_(std::move(client_id)) {}

  std::unique_ptr<Producer> producer(std::chrono::milliseconds /*expiry*/) override { return embedded::make_producer(broker_); }
  std::unique_ptr<Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                          Subscription::Events events) override {
    return embedded::make_subscription(broker_, client_id_, group, topics, std::move(events));
  }
  std::unique_ptr<LogReader> read_log(const std::string& topic, const StartAt& start) override {
    return embedded::make_log_reader(broker_, topic, start);
  }

  void ensure_topics(const std::vector<TopicSpec>& topics) override {
    std::ranges::for_each(topics, check);
    const std::scoped_lock lock(broker_->extending);
    for (const TopicSpec& spec : topics) {
      Topic topic = find(spec.name);
      const std::size_t before = topic.partitions.size();
      if (before >= static_cast<std::size_t>(spec.partitions)) continue;
      try {
        broker_->store.extend(topic, spec);
      } catch (const db::DatabaseError& error) {
        throw BusError("the topic " + spec.name + " is missing and could not be created: " + error.what(), true);
      }
      broker_->catalogue.with([&](Topics& all) {
        Topic& shown = all[spec.name];
        shown.log = topic.log;
        shown.retention = topic.retention;
        for (std::size_t i = before; i < topic.partitions.size(); ++i) shown.partitions.push_back(topic.partitions[i]);
      });
      broker_->groups.update();
      broker_->writer.topics_changed();
    }
  }
  std::string log_of(const std::string& topic) override { return find(topic).log; }

  Group describe_group(const std::string& group) override { return broker_->groups.describe(group); }

  Backlog backlog(const std::string& group, const std::string& topic) override {
    const Topic found = find(topic);
    Backlog backlog{.topic_exists = !found.partitions.empty()};
    for (const Partition& partition : found.partitions) {
      const std::int64_t next = broker_->groups.committed(group, partition.id).value_or(partition.first);
      backlog.records += partition.end - std::max(next, partition.first);
    }
    return backlog;
  }

  std::vector<std::string> brokers(std::chrono::milliseconds) override {
    if (const std::string problem = broker_->store.problem(); !problem.empty()) throw BusError(problem, true);
    return {broker_->file.string()};
  }

 private:
  Topic find(const std::string& name) {
    return broker_->catalogue.with([&](const Topics& topics) {
      const auto found = topics.find(name);
      return found == topics.end() ? Topic{} : found->second;
    });
  }

  std::shared_ptr<EmbeddedBroker> broker_;
  std::string client_id_;
};

}  // namespace

std::shared_ptr<EmbeddedBroker> open_embedded_broker(const std::filesystem::path& file) { return std::make_shared<EmbeddedBroker>(file); }

std::unique_ptr<Bus> embedded_bus(std::shared_ptr<EmbeddedBroker> broker, const std::string& client_id) {
  return std::make_unique<EmbeddedBus>(std::move(broker), client_id);
}

}  // namespace p2p::bus
