#include "services/chat/outbox.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::chat {

void Outbox::load(std::vector<OutboxMessage> messages) {
  for (OutboxMessage& message : messages) {
    const std::int64_t number = message.number;
    next_number_ = std::max(next_number_, number + 1);
    // The dispatcher alone sends to workers; an earlier version did so from here.
    if (messages::model_of(message.message.topic).empty())
      unconfirmed_[number] = std::move(message);
    else
      remove(number);
  }
}

void Outbox::confirm(const bus::Record& record) {
  std::erase_if(unconfirmed_, [&](const auto& item) {
    const bus::Outgoing& message = item.second.message;
    const bool same = message.topic == record.topic && message.key == record.key && message.value == record.value;
    if (same) remove(item.first);
    return same;
  });
}

void Outbox::send_unconfirmed() {
  for (const auto& [number, message] : std::exchange(unconfirmed_, {})) work_.after([this, message] { transmit(message); });
}

void Outbox::send(bus::Outgoing outgoing) {
  const OutboxMessage message{next_number_++, std::move(outgoing)};
  work_.write([message](ChatStore& store) { store.outbox().add(message); });
  work_.after([this, message] { transmit(message); });
}

void Outbox::resend() {
  if (!open_) return;
  const Time at = loop_.now();
  for (; !to_resend_.empty() && to_resend_.begin()->first <= at; to_resend_.erase(to_resend_.begin()))
    work_.after([this, message = to_resend_.begin()->second] { transmit(message); });
  if (!to_resend_.empty()) loop_.wake_at(to_resend_.begin()->first);
}

std::optional<Time> Outbox::oldest() const {
  if (undelivered_.empty()) return std::nullopt;
  return undelivered_.begin()->second;
}

void Outbox::transmit(const OutboxMessage& message) {
  undelivered_.try_emplace(message.number, loop_.now());
  if (!open_) {
    to_resend_.emplace(loop_.now(), message);
    return;
  }
  producer_->send(message.message, [this, message](const bus::Producer::Problem& problem) {
    loop_.post([this, message, problem] {
      if (problem.empty() || problem.permanent) {
        undelivered_.erase(message.number);
        remove(message.number);
        if (problem.permanent) rejected_(message.message, problem.text);
        return;
      }
      // A topic that is missing or forbidden is for the operator to mend; the request waits for it.
      log::error("a message was not delivered; it is tried again",
                 {{"id", message.message.key}, {"topic", message.message.topic}, {"error", problem.text}});
      to_resend_.emplace(loop_.now() + std::chrono::seconds(1), message);
    });
  });
}

void Outbox::remove(std::int64_t number) {
  work_.write([number](ChatStore& store) { store.outbox().remove(number); });
}

}  // namespace p2p::chat
