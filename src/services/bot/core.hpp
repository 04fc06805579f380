#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "platform/messages/messages.hpp"
#include "services/bot/bot.hpp"
#include "services/bot/call_pool.hpp"
#include "services/bot/callback.hpp"
#include "services/bot/command.hpp"
#include "services/bot/pace.hpp"
#include "services/bot/view.hpp"
#include "services/routing/router.hpp"

namespace p2p::bot {

/// An edit gives no id, and one that would change nothing is done.
inline telegram::Result<std::int64_t> as_id(const telegram::Result<bool>& result) {
  if (!result && result.error().kind != telegram::Failure::Kind::not_modified) return std::unexpected(result.error());
  return 0;
}

/// The bot's one thread of thought. Everything that happens comes in as a function (post()) and is handled in turns: what a turn wants
/// written is written in one transaction, repeated until it works; only then what it wants sent is sent. So the outside never hears of what
/// could be forgotten. Turns that want nothing sent share a transaction with those that follow soon.
///
/// core.cpp has the turns and the threads around them, intake.cpp what people ask, story.cpp what workers tell, delivery.cpp what chats are
/// shown, links.cpp the links under what was shown.
class Bot::Core {
 public:
  Core(telegram::Api& api, bus::Bus& bus, blob::BlobStore& store, State& state, Metrics& metrics, BotConfig config);
  bool take(const Json& update, std::chrono::milliseconds patience);
  void run(const std::stop_token& stop);
  std::string problem() const;

 private:
  using Event = messages::Event;
  using Failure = telegram::Failure;
  using Status = RequestRow::Status;

  /// An edit of the buttons under a picture whose link has expired or is to be new. A crash forgets it: links expire again, people press
  /// again.
  struct LinkEdit {
    RequestRow row;
    std::int64_t message = 0;
    bool renew = false;
    bool busy = false;
    Time retry_at;
    std::chrono::milliseconds backoff{0};
  };

  /// A request that is not settled.
  struct Live {
    RequestRow row;
    double fraction = 0;
    std::optional<Time> drawn;  ///< when its end was foreseen or told: from then on the store is waited for
    std::string shown;          ///< the status text in the chat
    Time shown_at;
    bool busy = false;  ///< a call about it is under way
    Time retry_at;
    std::chrono::milliseconds backoff{0};
  };
  struct LiveReply {
    Reply reply;
    bool busy = false;
    Time retry_at;
    std::chrono::milliseconds backoff{0};
  };

  // --- core.cpp
  void load();
  void post(std::function<void()> input);
  void turn(const std::stop_token& stop);
  void commit(const std::stop_token& stop);
  void tick();
  void read_events(const std::stop_token& stop);
  void watch_workers(const std::stop_token& stop);

  /// Writes soon, and before anything that after() sends.
  void write(std::function<void()> work);
  void after(std::function<void()> work) { after_.push_back(std::move(work)); }
  void save(const RequestRow& row);
  /// Reads what was written, in a transaction of its own. False if the database does not work at the moment: then `work` may have done
  /// half.
  bool read(const std::function<void()>& work);
  /// The same without what waits to be written.
  bool peek(const std::function<void()>& work);
  /// Writes the message down and sends it afterwards.
  void send(bus::Outgoing message);
  void send_letter(const BusLetter& letter);
  void send_event(const Event& event, const std::string& traceparent);
  void send_control(const RequestRow& row, messages::Control::Type type);
  void look_at(const std::string& id) { dirty_.insert(id); }
  void wake_at(Time at);

  // --- intake.cpp
  void take_update(const telegram::Update& update);
  void take_message(const telegram::Message& message);
  void take_callback(const telegram::CallbackQuery& query);
  /// `wish`: what is to be drawn; its model, prompt, seed, variations and upscale.
  void ask(const telegram::User& user, const telegram::Chat& chat, std::optional<std::int64_t> thread, std::int64_t message_id,
           const RequestRow& wish);
  void draw_again(const telegram::User& user, const RequestRow& row, Callback::Kind kind);
  void cancel(Live& live);
  void cancel_some(const telegram::Message& message, bool all, Language language);
  void tell_queue(const telegram::Message& message, Language language);
  void reply(const telegram::Chat& chat, std::optional<std::int64_t> thread, std::int64_t to, const std::string& text);
  void answer_query(const std::string& query_id, const std::string& text, bool alert);
  bool may_draw(std::int64_t user) const;
  bool is_admin(std::int64_t user) const { return config_.admins.contains(user); }

  // --- story.cpp
  void take_records(const std::vector<bus::Record>& records, const std::map<bus::TopicPartition, std::int64_t>& positions);
  void take_event(const Event& event);
  void take_group(const bus::Bus::Group& group, bool model_known);
  void end(Live& live, Status status);
  /// Ends a request that no worker holds, and tells so on the bus.
  void end_here(Live& live, Status status, const std::string& reason);
  void route();
  routing::Waiting waiting_of(const RequestRow& row) const;
  messages::Request request_of(const RequestRow& row) const;

  // --- delivery.cpp
  static constexpr int kPictureCalls = 8;
  enum class Step { none, status_new, status_edit, answer_picture, answer_text, original_new, original_picture, bell };
  void deliver();
  Step next_step(Live& live);
  static Pace::Call call_of(Step step);
  static bool is_picture(Step step);
  Outlook outlook_of(const Live& live);
  void begin(Step step, Live& live);
  void finish_step(Step step, const std::string& id, const std::string& shown, const telegram::Result<std::int64_t>& result, bool with_link,
                   Time link_until);
  void fail_step(Step step, Live& live, const Failure& failure);
  void settle(Live& live);
  void begin(LiveReply& reply);
  void finish_reply(std::int64_t number, const telegram::Result<std::int64_t>& result);
  void retry(std::chrono::milliseconds& backoff, Time& retry_at) const;
  telegram::Result<std::int64_t> show_picture(const RequestRow& row, std::int64_t message, telegram::Media::Type type,
                                              const telegram::Keyboard& keyboard);
  void move_chat(std::int64_t from, std::int64_t to);
  std::pair<std::optional<std::string>, Time> link_of(const RequestRow& row) const;
  void count_call(const char* step, const telegram::Result<std::int64_t>& result);

  // --- links.cpp
  void expire_links();
  void renew_link(const RequestRow& row, std::int64_t message, const std::string& query_id);
  void edit_links(Time at);
  void begin(LinkEdit& edit);
  void finish_link(const RequestRow& row, bool renewed, const telegram::Result<std::int64_t>& result);

  telegram::Api& api_;
  bus::Bus& bus_;
  blob::BlobStore& store_;
  State& state_;
  Metrics& metrics_;
  BotConfig config_;

  // Of the core thread alone.
  routing::Router router_;
  std::map<std::string, Live> live_;
  std::map<std::int64_t, LiveReply> replies_;
  std::map<std::string, LinkEdit> link_edits_;  ///< by request
  std::int64_t next_number_ = 1;                ///< of letters and replies
  std::map<std::int64_t, BusLetter>
      old_letters_;  ///< from before the start: sent once the events have been read that may show that they were sent
  std::set<std::string> dirty_;
  std::multimap<Time, std::string> due_;
  std::optional<Time> wake_;
  Time next_tick_;
  Time next_prune_;
  Pace pace_;
  std::map<std::string, Time> pressed_;  ///< buttons that draw again, against double presses
  std::set<std::int64_t> noted_;         ///< updates among writes_
  std::vector<std::function<void()>> writes_;
  Time writes_since_;
  std::vector<std::function<void()>> after_;
  std::set<std::string> models_;  ///< that the metrics tell of
  int pictures_under_way_ = 0;
  bool stopping_ = false;
  bool may_route_ = false;  ///< the past is read
  std::optional<Time> unserved_since_;
  bool model_known_ = true;                   ///< some worker served the model once
  std::map<std::int64_t, Time> undelivered_;  ///< letters on their way

  std::atomic<bool> database_works_ = true;
  std::atomic<bool> events_work_ = false;
  std::atomic<bool> workers_seen_ = false;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> inputs_;

  std::unique_ptr<bus::Producer> producer_;
  std::optional<CallPool> calls_;
  std::optional<CallPool> picture_calls_;  ///< read from the store first, which may take long
  std::optional<CallPool> quick_calls_;    ///< answers to button presses, which nothing may hold up
};

}  // namespace p2p::bot
