#include "base/log.hpp"
#include "platform/bus/bus_error.hpp"
#include "platform/bus/embedded/clients.hpp"
#include "platform/bus/embedded/fetch.hpp"

namespace p2p::bus::embedded {
namespace {

constexpr Store::Room kReadBatch{.records = 500, .bytes = 1u << 20u};

class EmbeddedLogReader : public LogReader {
 public:
  EmbeddedLogReader(std::shared_ptr<EmbeddedBroker> broker, const std::string& topic, StartAt start)
      : broker_(std::move(broker)), listener_(broker_->signals, {topic}) {
    const auto found = broker_->catalogue.with([&](const Topics& topics) {
      const auto it = topics.find(topic);
      return it == topics.end() ? Topic{} : it->second;
    });
    if (found.partitions.empty()) throw BusError("there is no topic " + topic + " in " + broker_->file.string(), true);
    log_ = found.log;
    if (!start.log.empty() && start.log != log_) start = {.offsets = {}, .since = Time{}, .log = log_};
    for (std::size_t i = 0; i < found.partitions.size(); ++i) {
      const Partition& partition = found.partitions[i];
      const TopicPartition name{topic, static_cast<int>(i)};
      const auto known = start.offsets.find(name);
      std::int64_t offset = partition.end;
      if (known != start.offsets.end()) {
        offset = existing(partition, known->second);
      } else if (start.since) {
        offset = broker_->store.offset_at(partition, *start.since);
      }
      next_[name] = offset;
      if (offset < partition.end) ends_[name] = partition.end;
    }
  }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      if (auto records = take(); !records.empty()) return records;
      if (!listener_.wait_until(deadline)) return {};
    }
  }

  std::map<TopicPartition, std::int64_t> positions() const override { return next_; }
  bool caught_up() const override { return ends_.empty(); }
  std::string log() const override { return log_; }

 private:
  std::vector<Record> take() {
    std::vector<Record> records;
    try {
      records = fetch(*broker_, next_, kReadBatch, turn_);
    } catch (const db::DatabaseError& error) {
      log::warn("messages cannot be read; trying again", {{"error", error.what()}});
      return records;
    }
    std::erase_if(ends_, [&](const auto& end) { return next_.at(end.first) >= end.second; });
    return records;
  }

  std::shared_ptr<EmbeddedBroker> broker_;
  Listener listener_;
  std::string log_;
  Positions next_;
  Positions ends_;  ///< initial end offsets of the partitions that are not yet read up to them
  std::size_t turn_ = 0;
};

}  // namespace

std::unique_ptr<LogReader> make_log_reader(std::shared_ptr<EmbeddedBroker> broker, const std::string& topic, const StartAt& start) {
  try {
    return std::make_unique<EmbeddedLogReader>(std::move(broker), topic, start);
  } catch (const db::DatabaseError& error) {
    throw BusError(error.what(), true);
  }
}

}  // namespace p2p::bus::embedded
