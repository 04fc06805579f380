#include "services/worker/dead_letters.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/random_id.hpp"

namespace p2p::worker {
namespace {

namespace reason = messages::reason;

/// The request's id, which may be readable even if the rest is not; empty if it is not.
std::string id_of(const bus::Record& record) {
  Json json;
  try {
    json = parse_json(record.value, "message");
  } catch (const Error&) {  // not readable either
  }
  if (json.is_object() && json.contains("id") && json["id"].is_string() && messages::is_request_id(json["id"].get<std::string>()))
    return json["id"].get<std::string>();
  return messages::is_request_id(record.key) ? record.key : "";
}

}  // namespace

void DeadLetters::unreadable(const bus::Record& record, const std::string& problem) {
  const std::string id = id_of(record);
  log::warn("a message cannot be decoded", {{"id", id}, {"topic", record.topic}, {"offset", record.offset}, {"error", problem}});
  send(record, id, reason::kUnreadable, problem, 0);
}

void DeadLetters::killed_worker(const bus::Record& record, const messages::Request& request) {
  log::error("two workers crashed while drawing a request", {{"id", request.id}});
  send(record, request.id, reason::kKilledWorker, "two workers died while they drew it", request.dispatch);
}

void DeadLetters::send(const bus::Record& record, const std::string& id, std::string_view why, const std::string& detail, int dispatch) {
  metrics_.count(std::string(messages::model_of(record.topic)), "failed", std::string(why));
  metrics_.dead_letters.add();
  const std::string traceparent(record.header("traceparent"));
  const auto on_delivery = [this, partition = record.topic_partition(), offset = record.offset](const std::string& problem) {
    if (problem.empty()) membership_.done(partition, offset);
  };
  const messages::DeadLetter dead_letter{.id = id.empty() ? new_id() : id,
                                         .time = now(),
                                         .reason = std::string(why),
                                         .detail = detail,
                                         .topic = record.topic,
                                         .partition = record.partition,
                                         .offset = record.offset,
                                         .original = record.value};
  const messages::Event failed{.id = dead_letter.id,
                               .time = now(),
                               .worker = worker_,
                               .dispatch = dispatch,
                               .what = messages::Failed{.reason = std::string(why), .detail = detail}};
  events_.send(dead_letter, traceparent, [this, failed, traceparent, on_delivery](const std::string& problem) {
    if (!problem.empty()) return log::error("a dead letter was not delivered", {{"id", failed.id}, {"error", problem}});
    events_.send(failed, traceparent, on_delivery);
  });
}

}  // namespace p2p::worker
