#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/recent.hpp"
#include "services/api/api.hpp"

namespace p2p::api {

/// The threads around the entries, which one mutex guards. api.cpp has the threads and what callers ask, story.cpp what Kafka tells,
/// lead.cpp what the one that leads does.
class Api::Impl {
 public:
  Impl(bus::Bus& bus, Metrics& metrics, const ApiConfig& config);
  void run(const std::stop_token& stop);
  std::string problem() const;
  View accept(const std::string& client, messages::Request request, const std::string& repeat_key);
  std::optional<View> find(const std::string& client, const std::string& id) const;
  std::optional<View> wait(const std::string& client, const std::string& id, std::chrono::milliseconds patience,
                           std::optional<std::uint64_t> version) const;
  bool cancel(const std::string& client, const std::string& id);
  bool stopping() const;
  std::set<std::string> models() const;

 private:
  using Event = messages::Event;
  using Status = Entry::Status;
  using Lock = std::unique_lock<std::mutex>;
  using Steady = std::chrono::steady_clock::time_point;

  // --- api.cpp
  void watch_workers(const std::stop_token& stop);
  /// Throws ApiError.
  void check_model(const std::string& model) const;
  void check_limits(const std::string& client) const;
  void tick();
  void housekeeping(Time at);
  View view_of(const Entry& entry) const { return {entry, router_.estimate(entry.request.id, now())}; }
  const Entry* entry_of(const std::string& client, const std::string& id) const;
  /// Sends and waits until it is stored. Throws ApiError if that takes too long.
  void store(bus::Outgoing message);
  static bus::Outgoing to_message(const Event& event, const std::string& traceparent);
  static bus::Outgoing to_message(const messages::Control& control, const std::string& traceparent);

  // --- story.cpp: the mutex is held
  void take(const bus::Record& record, const Event& event);
  void take_accepted(const bus::Record& record, const Event& event);
  void take_story(Entry& entry, const Event& event);
  void take_wish(const messages::Control& wish);
  void add(const Entry& entry);
  static void note_end(Entry& entry, const Event& event);

  // --- lead.cpp
  void keep_lead(const std::stop_token& stop);
  void take_over(bus::Subscription& membership, const std::stop_token& stop);
  /// Waits until the followed events are those that stand in the topic now. False if the lead is gone.
  bool catch_up(bus::Subscription& membership, const std::stop_token& stop);
  /// Where the last message for each request stands in the models' topics, from those times on; by the request's id.
  struct SentTo {
    int dispatch = 0;
    int partition = 0;
  };
  std::map<std::string, SentTo> sent_since(const std::map<std::string, Time>& models);
  // The mutex is held:
  bool may_lead() const;
  /// The group has just answered.
  void hear();
  /// Ends what nobody wants any more and what has waited too long.
  void end_waiting(Time at);
  void route(Time at);
  void ask(const Entry& entry, messages::Control::Type type);
  /// Ends a request that no worker holds.
  void end(Entry& entry, messages::EventType type, std::string_view reason);

  bus::Bus& bus_;
  Metrics& metrics_;
  ApiConfig config_;
  std::unique_ptr<bus::Producer> producer_;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Entry> entries_;
  Recent unwanted_{10'000};            ///< wishes to cancel what is not known (yet): topics are read side by side
  std::map<std::string, int> coming_;  ///< by client: requests that Kafka is storing
  routing::Router router_;             ///< knows all that waits, on every instance
  std::map<bus::TopicPartition, std::int64_t> followed_;
  std::set<std::string> served_;
  std::set<std::string> models_;  ///< that the metrics tell of
  bool stopping_ = false;
  bool owns_lead_ = false;  ///< as the group says
  bool leads_ = false;      ///< and it knows what the one before it did
  Steady heard_;            ///< the group, last
  Steady trusted_from_;
  Time next_housekeeping_;

  std::atomic<bool> caught_up_ = false;
  std::atomic<bool> workers_seen_ = false;
};

}  // namespace p2p::api
