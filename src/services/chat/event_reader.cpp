#include "services/chat/event_reader.hpp"

#include <future>

#include "base/log.hpp"
#include "base/pause.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::chat {
namespace {

const std::string kTopic(messages::kEventsTopic);

}  // namespace

void EventReader::run(const std::stop_token& stop) {
  std::unique_ptr<bus::LogReader> reader;
  bool caught_up = false;
  while (!stop.stop_requested()) {
    reads_.stamp();
    try {
      if (!reader) reader = open(stop);
      if (!reader) return;
      const auto records = reader->poll(std::chrono::milliseconds(100));
      works_ = true;
      if (!records.empty()) loop_.post([this, records, positions = reader->positions()] { handler_.take(records, positions); });
      if (!caught_up && reader->caught_up()) {
        caught_up = true;
        loop_.post([this] { outbox_.send_unconfirmed(); });
      }
    } catch (const Error& error) {
      works_ = false;
      reader.reset();
      log::warn("events cannot be read; it is tried again", {{"error", error.what()}});
      pause(std::chrono::seconds(1), stop);
    }
  }
}

std::unique_ptr<bus::LogReader> EventReader::open(const std::stop_token& stop) {
  bus_.ensure_topics(
      {{kTopic, 4}, {std::string(messages::kControlTopic), 1}, {std::string(messages::kDeadLettersTopic), 1, std::chrono::days(30)}});
  const std::optional<bus::StartAt> start = position(stop);
  if (!start) return nullptr;
  auto reader = bus_.read_log(kTopic, *start);
  const bool is_new = !start->log.empty() && start->log != reader->log();
  // Where reading begins is committed before anything is published, so that no event about it is missed.
  loop_.post([this, is_new, positions = reader->positions(), log = reader->log()] {
    work_.write([positions, log](ChatStore& store) {
      store.positions().save(positions);
      store.positions().save_log(kTopic, log);
    });
    work_.after([this] { outbox_.open(); });
    if (is_new) new_log_();
  });
  return reader;
}

std::optional<bus::StartAt> EventReader::position(const std::stop_token& stop) {
  const auto known = std::make_shared<std::promise<bus::StartAt>>();
  loop_.post([this, known] {
    bus::StartAt start;
    try {
      work_.read([&](ChatStore& store) { start = store.positions().of(kTopic); });
      known->set_value(std::move(start));
    } catch (const Cancelled&) {  // `stop` comes too
    }
  });
  auto answer = known->get_future();
  while (answer.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (stop.stop_requested()) return std::nullopt;
    reads_.stamp();  // the event loop is what is waited for
  }
  return answer.get();
}

}  // namespace p2p::chat
