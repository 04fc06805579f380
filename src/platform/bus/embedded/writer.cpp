#include "platform/bus/embedded/writer.hpp"

#include <algorithm>
#include <optional>

#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::bus::embedded {
namespace {

constexpr std::chrono::milliseconds kCommitWithin{200};
constexpr std::chrono::milliseconds kRetryAfter{200};
constexpr std::size_t kMaxBatch = 1000;
constexpr std::size_t kMaxBatchBytes = 4u << 20u;

/// FNV-1a. Must not change: messages with one key stay in one partition.
std::size_t hash(const std::string& key) {
  std::uint64_t value = 14695981039346656037u;
  for (const char byte : key) value = (value ^ static_cast<unsigned char>(byte)) * 1099511628211u;
  return value;
}

}  // namespace

/// What one transaction stores.
class Writer::Batch {
 public:
  explicit Batch(Committed committed) : committed_(std::move(committed)) {}

  /// False if there is no such partition.
  bool add(Pending& pending, const Topics& topics, std::size_t& turn) {
    const Outgoing& message = pending.message;
    const auto topic = topics.find(message.topic);
    if (topic == topics.end()) return false;
    const auto& partitions = topic->second.partitions;
    const auto by_key = [&] { return (message.key.empty() ? turn++ : hash(message.key)) % partitions.size(); };
    const std::size_t number = message.partition ? static_cast<std::size_t>(*message.partition) : by_key();
    if (number >= partitions.size()) return false;
    End& end =
        ends_.try_emplace(partitions[number].id, &topic->first, number, partitions[number].end, partitions[number].newest).first->second;
    end.newest = std::max(end.newest, time_);
    records_.push_back(
        {.partition = partitions[number].id, .offset = end.offset++, .time = time_, .newest = end.newest, .message = nullptr});
    messages_.push_back(std::move(pending));
    return true;
  }
  /// The records; valid until the next add().
  std::span<const NewRecord> records() {
    for (std::size_t i = 0; i < records_.size(); ++i) records_[i].message = &messages_[i].message;
    return records_;
  }
  /// The records are stored: shows them to readers.
  void publish(Catalogue& catalogue, Signals& signals) const {
    catalogue.with([&](Topics& topics) {
      for (const auto& [id, end] : ends_) {
        Partition& partition = topics.at(*end.topic).partitions[end.number];
        partition.end = end.offset;
        partition.newest = end.newest;
      }
    });
    std::set<std::string> names;
    for (const auto& [id, end] : ends_) names.insert(*end.topic);
    for (const std::string& topic : names) signals.notify(topic);
  }
  void report() {
    for (Pending& pending : messages_) pending.reports->add(std::move(pending.delivered), {});
  }

  const Committed& committed() const { return committed_; }

 private:
  struct End {
    const std::string* topic;  ///< key in Topics, from which nothing is ever removed
    std::size_t number;
    std::int64_t offset;
    Time newest;
  };
  Committed committed_;
  Time time_ = now();
  std::map<std::int64_t, End> ends_;  ///< by Partition::id
  std::vector<NewRecord> records_;
  std::vector<Pending> messages_;
};

Writer::Writer(Store& store, Catalogue& catalogue, Signals& signals, std::chrono::milliseconds wait_for_topic)
    : store_(store), catalogue_(catalogue), signals_(signals), wait_for_topic_(wait_for_topic) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Writer::~Writer() = default;

void Writer::add(Pending pending) {
  const std::scoped_lock lock(mutex_);
  queue_.push_back(std::move(pending));
  changed_.notify_all();
}

void Writer::commit(const std::string& group, std::int64_t partition, std::int64_t next) {
  const std::scoped_lock lock(mutex_);
  if (committed_.empty()) {
    commit_at_ = Steady::now() + kCommitWithin;
    changed_.notify_all();
  }
  committed_[{group, partition}] = next;
}

bool Writer::sync(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  ++syncing_;
  changed_.notify_all();
  const bool stored = changed_.wait_for(lock, timeout, [&] { return committed_.empty() && !storing_; });
  --syncing_;
  return stored;
}

void Writer::topics_changed() {
  const std::scoped_lock lock(mutex_);
  topics_changed_ = true;
  changed_.notify_all();
}

void Writer::run(const std::stop_token& stop) {
  for (;;) {
    std::vector<Pending> taken;
    Committed committed;
    bool retry = false;
    {
      std::unique_lock lock(mutex_);
      wait(lock, stop);
      if (stop.stop_requested() && queue_.empty() && committed_.empty()) return;
      std::size_t bytes = 0;
      while (!queue_.empty() && taken.size() < kMaxBatch && bytes < kMaxBatchBytes) {
        bytes += queue_.front().message.value.size();
        taken.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      committed.swap(committed_);
      storing_ = !committed.empty();
      retry = std::exchange(topics_changed_, false) ||
              (!without_topic_.empty() && Steady::now() >= without_topic_.front().sent + wait_for_topic_);
    }
    Batch batch(std::move(committed));
    sort(std::move(taken), retry, batch);
    if (!store(batch, stop)) return log::error("messages could not be stored before the end", {{"count", batch.records().size()}});
    batch.publish(catalogue_, signals_);
    batch.report();
    const std::scoped_lock lock(mutex_);
    storing_ = false;
    changed_.notify_all();
  }
}

void Writer::wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  const auto is_due = [&] { return !queue_.empty() || topics_changed_ || (syncing_ > 0 && !committed_.empty()); };
  while (!stop.stop_requested() && !is_due()) {
    std::optional<Steady::time_point> until;
    if (!committed_.empty()) until = commit_at_;
    if (!without_topic_.empty()) {
      const auto give_up = without_topic_.front().sent + wait_for_topic_;
      until = std::min(until.value_or(give_up), give_up);
    }
    // Also ends when the first offset is committed, which sets the time.
    const bool had_committed = !committed_.empty();
    const auto has_changed = [&] { return is_due() || committed_.empty() == had_committed; };
    if (!until) {
      changed_.wait(lock, stop, has_changed);
    } else if (!changed_.wait_until(lock, stop, *until, has_changed)) {
      return;
    }
  }
}

void Writer::sort(std::vector<Pending> taken, bool retry, Batch& batch) {
  std::deque<Pending> all;
  if (retry) {
    all.swap(without_topic_);
    missing_.clear();
  }
  std::ranges::move(taken, std::back_inserter(all));
  std::vector<Pending> refused;
  catalogue_.with([&](const Topics& topics) {
    for (Pending& pending : all) {
      // The order of messages is kept: those of a missing topic wait for it, even if it exists by now.
      if (!missing_.contains(pending.message.topic) && batch.add(pending, topics, turn_)) continue;
      if (Steady::now() >= pending.sent + wait_for_topic_) {
        refused.push_back(std::move(pending));
        continue;
      }
      missing_.insert(pending.message.topic);
      without_topic_.push_back(std::move(pending));
    }
  });
  for (Pending& pending : refused) {
    const std::string& topic = pending.message.topic;
    const Producer::Problem problem{topic + ": there is no such topic or partition", false};
    if (!pending.delivered)
      log::error("a message was not delivered", {{"topic", topic}, {"id", pending.message.key}, {"error", problem.text}});
    pending.reports->add(std::move(pending.delivered), problem);
  }
}

bool Writer::store(Batch& batch, const std::stop_token& stop) {
  const auto records = batch.records();
  if (records.empty() && batch.committed().empty()) return true;
  for (std::string last;;) {
    try {
      store_.write(records, batch.committed());
      return true;
    } catch (const db::DatabaseError& error) {
      if (std::exchange(last, error.what()) != error.what())
        log::warn("messages cannot be stored; trying again", {{"count", records.size()}, {"error", error.what()}});
    }
    if (!pause(kRetryAfter, stop)) return false;
  }
}

}  // namespace p2p::bus::embedded
