#include "services/dispatch/leader.hpp"

#include <algorithm>

#include "platform/messages/messages.hpp"

namespace p2p::dispatch {
namespace {

constexpr const char* kGroup = "prompt2pic.dispatch";

}  // namespace

Leader::Leader(bus::Bus& bus, std::chrono::milliseconds trust_within, std::function<void()> lost)
    : bus_(bus), trust_within_(trust_within), lost_(std::move(lost)) {}

bool Leader::poll(std::chrono::milliseconds wait) {
  const bus::TopicPartition leadership{std::string(messages::kControlTopic), 0};
  if (!membership_) {
    const auto assigned = [this, leadership](const std::vector<bus::TopicPartition>& given) {
      const std::scoped_lock lock(mutex_);
      owns_ |= std::ranges::find(given, leadership) != given.end();
    };
    const auto revoked = [this, leadership](const std::vector<bus::TopicPartition>& taken, bool) {
      if (std::ranges::find(taken, leadership) == taken.end()) return;
      {
        const std::scoped_lock lock(mutex_);
        owns_ = false;
      }
      lost_();
    };
    membership_ = bus_.subscribe(kGroup, {leadership.topic}, {.assigned = assigned, .revoked = revoked});
  }
  const bool is_new = last_contact_ == Steady{};
  for (const bus::Record& record : membership_->poll(wait)) membership_->done(record.topic_partition(), record.offset);
  const std::scoped_lock lock(mutex_);
  const Steady at = std::chrono::steady_clock::now();
  // A process that was suspended may have lost the leadership, but is only notified once it has contacted the brokers again.
  if (owns_ && !is_new && at - last_contact_ > trust_within_) trusted_from_ = at + trust_within_ / 2;
  last_contact_ = at;
  return owns_;
}

bool Leader::leads() const {
  const std::scoped_lock lock(mutex_);
  const Steady at = std::chrono::steady_clock::now();
  return owns_ && at - last_contact_ <= trust_within_ && at >= trusted_from_;
}

}  // namespace p2p::dispatch
