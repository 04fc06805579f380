#include "services/worker/membership.hpp"

#include "base/log.hpp"
#include "base/random_id.hpp"
#include "platform/bus/bus_error.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::worker {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::optional<std::set<std::string>> Membership::changed_models() {
  std::set<std::string> models;
  for (const auto& [model, generator] : config_.generators) models.insert(model);
  if (store_check_.refuses()) {
    const auto time = Clock::now();
    if (time < check_others_at_) return std::nullopt;
    const auto others = models_of_others();
    // Randomized, so that two workers that are refused do not leave and return in lockstep.
    const auto pause = config_.check_others_every + config_.check_others_every * static_cast<int>(random_bits() % 100) / 100;
    check_others_at_ = time + (others ? pause : config_.retry_after);
    if (!others) return std::nullopt;
    std::erase_if(models, [&](const std::string& model) { return others->contains(model); });
  } else {
    check_others_at_ = {};
  }
  if (models == serving_) return std::nullopt;
  if (models.size() < config_.generators.size()) log::warn("the store refuses pictures: leaving models to other workers");
  return models;
}

void Membership::join(const std::set<std::string>& models) {
  serving_ = models;
  if (models.empty()) return;
  std::vector<std::string> topics;
  for (const std::string& model : models) topics.push_back(messages::requests_topic(model));
  auto subscription = bus_.subscribe(std::string(messages::kWorkersGroup), topics, events_);
  const std::scoped_lock lock(mutex_);
  subscription_ = std::move(subscription);
}

void Membership::leave() {
  std::unique_ptr<bus::Subscription> gone;  // declared first, so that it is destroyed without the lock: it calls events_.revoked
  const std::scoped_lock lock(mutex_);
  gone.swap(subscription_);
}

std::vector<bus::Record> Membership::poll(std::chrono::milliseconds timeout) {
  const auto before = Clock::now();
  auto records = subscription_->poll(timeout);
  // A process that was suspended may have lost its partitions, and is only notified once it has contacted the brokers again.
  if (Clock::now() - before > std::chrono::seconds(4)) trusted_from_ = Clock::now() + std::chrono::seconds(2);
  return records;
}

void Membership::done(const bus::TopicPartition& partition, std::int64_t offset) const {
  const std::scoped_lock lock(mutex_);
  if (subscription_) subscription_->done(partition, offset);
}

std::optional<std::string> Membership::problem() const {
  const std::scoped_lock lock(mutex_);
  if (!subscription_) return std::nullopt;
  return subscription_->problem();
}

std::optional<std::set<std::string>> Membership::models_of_others() const {
  std::set<std::string> models;
  try {
    const auto group = bus_.describe_group(std::string(messages::kWorkersGroup));
    if (group.exists && !group.stable) return std::nullopt;
    for (const bus::Member& member : group.members) {
      if (member.name == config_.name) continue;
      for (const bus::TopicPartition& partition : member.partitions) models.emplace(messages::model_of(partition.topic));
    }
  } catch (const bus::BusError& error) {
    log::warn("the list of other workers is not available", {{"error", error.what()}});
    return std::nullopt;
  }
  return models;
}

}  // namespace p2p::worker
