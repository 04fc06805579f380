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
  const bus::TopicPartition lead{std::string(messages::kControlTopic), 0};
  if (!membership_) {
    const auto assigned = [this, lead](const std::vector<bus::TopicPartition>& given) {
      const std::scoped_lock lock(mutex_);
      owns_ |= std::ranges::find(given, lead) != given.end();
    };
    const auto revoked = [this, lead](const std::vector<bus::TopicPartition>& taken, bool) {
      if (std::ranges::find(taken, lead) == taken.end()) return;
      {
        const std::scoped_lock lock(mutex_);
        owns_ = false;
      }
      lost_();
    };
    membership_ = bus_.subscribe(kGroup, {lead.topic}, {.assigned = assigned, .revoked = revoked});
  }
  const bool is_new = heard_ == Steady{};
  for (const bus::Record& record : membership_->poll(wait)) membership_->done(record.place(), record.offset);
  const std::scoped_lock lock(mutex_);
  const Steady at = std::chrono::steady_clock::now();
  // A process that was suspended may no longer lead, and is not told before it has spoken with the brokers again.
  if (owns_ && !is_new && at - heard_ > trust_within_) trusted_from_ = at + trust_within_ / 2;
  heard_ = at;
  return owns_;
}

bool Leader::leads() const {
  const std::scoped_lock lock(mutex_);
  const Steady at = std::chrono::steady_clock::now();
  return owns_ && at - heard_ <= trust_within_ && at >= trusted_from_;
}

}  // namespace p2p::dispatch
