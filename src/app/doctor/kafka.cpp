#include <set>

#include "app/doctor/checks.hpp"
#include "app/service_process.hpp"
#include "platform/bus/kafka/topic_states.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::app::doctor {
namespace {

constexpr std::chrono::seconds kTimeout{8};

/// What is wrong with the topic; empty if nothing is.
std::string problem_of(const std::string& topic, const bus::TopicState& state, std::size_t brokers) {
  if (state.in_sync < state.replicas)
    return topic + " has " + std::to_string(state.in_sync) + " of " + std::to_string(state.replicas) +
           " replicas in sync; look at the brokers that are away";
  if (brokers >= 3 && state.replicas < 3)
    return topic + " has " + std::to_string(state.replicas) + " replicas on " + std::to_string(brokers) +
           " brokers, so a broker that dies may lose it; raise it to three (kafka-reassign-partitions)";
  const bool is_events = topic == messages::kEventsTopic;
  if (is_events ? !(state.readable && state.writable) : !(state.readable || state.writable))
    return std::string("this user may not ") + (is_events ? "read and write " : "use ") + topic + "; grant that by an ACL";
  return "";
}

std::string rights_of(const bus::TopicState& state) {
  if (!state.writable) return "read";
  return state.readable ? "read and written" : "written";
}

}  // namespace

Finding check_kafka(const AppConfig& config) {
  if (config.kafka.brokers.empty()) return unset("P2P_KAFKA_BROKERS is not set; bot, API and worker need it");
  const auto bus = bus::kafka_bus(kafka_config(config, "prompt2pic-doctor"));
  const auto brokers = bus->brokers(kTimeout);
  const auto group = bus->describe_group(std::string(messages::kWorkersGroup));
  std::set<std::string_view> models;
  for (const bus::Member& member : group.members) {
    for (const bus::TopicPartition& place : member.partitions) models.insert(messages::model_of(place.topic));
  }
  std::string served;
  for (const std::string_view model : models) served += (served.empty() ? ", which draw with " : ", ") + std::string(model);
  return ok(std::to_string(brokers.size()) + " brokers answer; " + std::to_string(group.members.size()) + " workers" + served);
}

Finding check_topics(const AppConfig& config) {
  if (config.kafka.brokers.empty()) return unset("P2P_KAFKA_BROKERS is not set");
  const bus::KafkaConfig kafka = kafka_config(config, "prompt2pic-doctor");
  const std::size_t brokers = bus::kafka_bus(kafka)->brokers(kTimeout).size();
  std::vector<std::string> topics{std::string(messages::kEventsTopic), std::string(messages::kControlTopic)};
  for (const std::string& model : worker_models(config.model)) topics.push_back(messages::requests_topic(model));
  const auto states = bus::topic_states(kafka, topics, kTimeout);
  std::string found;
  for (const std::string& topic : topics) {
    const auto state = states.find(topic);
    found += found.empty() ? "" : "; ";
    if (state == states.end()) {
      found += topic + " does not exist yet";
      continue;
    }
    if (const std::string problem = problem_of(topic, state->second, brokers); !problem.empty()) return failed(problem);
    found += topic + ": " + std::to_string(state->second.partitions) + " partitions, replicas " + std::to_string(state->second.replicas) +
             ", may be " + rights_of(state->second);
  }
  if (states.empty())
    return unset("no topic exists yet, or this user may see none; the bot, the API and the workers create them at their start");
  return ok(found);
}

}  // namespace p2p::app::doctor
