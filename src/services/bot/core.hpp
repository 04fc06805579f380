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

#include "base/heartbeat.hpp"
#include "platform/messages/messages.hpp"
#include "services/bot/bot.hpp"
#include "services/bot/call_pool.hpp"
#include "services/bot/callback.hpp"
#include "services/bot/command.hpp"
#include "services/bot/rate_limiter.hpp"
#include "services/bot/view.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

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
/// shown, outcome.cpp what became of that, replies.cpp the answers to other messages, links.cpp the links under what was shown.
class Bot::Core {
 public:
  Core(telegram::Api& api, bus::Bus& bus, const requests::Client& requests, const dispatch::Dispatch& dispatch, blob::BlobStore& store,
       State& state, Metrics& metrics, BotConfig config);
  void take(const Json& update, std::function<void()> kept);
  void run(const std::stop_token& stop);
  std::string problem() const;
  Contact& contact() { return contact_; }

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
  struct ActiveRequest {
    RequestRow row;
    requests::RequestState state;  ///< as the events have it
    std::optional<Time> drawn;     ///< when its end was foreseen or told: from then on the store is waited for
    bool store_failed = false;     ///< when the picture was last to be read
    std::string shown;             ///< the status text in the chat
    Time shown_at;
    bool busy = false;  ///< a call about it is under way
    int refusals = 0;   ///< one after the other, for a reason that is not known
    Time retry_at;
    std::chrono::milliseconds backoff{0};
  };
  struct ActiveReply {
    Reply reply;
    bool busy = false;
    int refusals = 0;
    Time retry_at;
    std::chrono::milliseconds backoff{0};
  };

  Time now() const { return config_.clock(); }

  // --- core.cpp
  void load();
  void post(std::function<void()> input);
  void turn(const std::stop_token& stop);
  void commit(const std::stop_token& stop);
  void tick();
  void read_events(const std::stop_token& stop);

  /// Writes soon, and before anything that after() sends.
  void write(std::function<void()> work);
  void after(std::function<void()> work) { after_.push_back(std::move(work)); }
  void save(const RequestRow& row);
  /// Reads what was written, in a transaction of its own. False if the database does not work at the moment: then `work` may have done
  /// half.
  [[nodiscard]] bool read(const std::function<void()>& work);
  /// The same without what waits to be written.
  [[nodiscard]] bool peek(const std::function<void()>& work) { return transact(work, reads_work_); }
  bool transact(const std::function<void()>& work, std::atomic<bool>& works);
  /// Repeats read() or peek() until it works. Throws Cancelled if the stop comes first.
  void insist(bool (Core::*reads)(const std::function<void()>&), const std::function<void()>& work);
  /// Writes the message down and sends it afterwards.
  void send(bus::Outgoing message);
  void send_from_outbox(const OutboxMessage& letter);
  /// What the brokers never take: the request that it asks for has failed.
  void give_up(const bus::Outgoing& message, const std::string& problem);
  void send_accepted(const RequestRow& row);
  void send_cancel(const RequestRow& row);
  void mark_dirty(const std::string& id) { dirty_.insert(id); }
  void wake_at(Time at);

  // --- intake.cpp
  /// False: the bot stops and the database does not work; nothing was done.
  bool take_update(const telegram::Update& update);
  void take_message(const telegram::Message& message);
  void take_callback(const telegram::CallbackQuery& query);
  /// `wish`: what is to be drawn; its model, prompt, seed, variations and upscale.
  void ask(const telegram::User& user, const telegram::Chat& chat, std::optional<std::int64_t> thread, std::int64_t message_id,
           const RequestRow& wish);
  void draw_again(const telegram::User& user, const RequestRow& row, Callback::Kind kind);
  void cancel(ActiveRequest& live);
  void cancel_some(const telegram::Message& message, bool all, Language language);
  void tell_queue(const telegram::Message& message, Language language);
  void reply(const telegram::Chat& chat, std::optional<std::int64_t> thread, std::int64_t to, const std::string& text);
  void answer_query(const std::string& query_id, const std::string& text, bool alert);
  /// Now, but later than the request before: what came first stays first.
  Time next_accepted();
  /// The user's requests, of all doors, that no worker has begun.
  int waiting_of(std::int64_t user) const;
  bool may_draw(std::int64_t user) const;
  bool is_own_name(std::string_view username) const;
  bool is_admin(std::int64_t user) const { return config_.admins.contains(user); }

  // --- story.cpp
  void take_records(const std::vector<bus::Record>& records, const std::map<bus::TopicPartition, std::int64_t>& positions);
  void take_event(const Event& event);
  void take_end(ActiveRequest& live);
  void end(ActiveRequest& live, Status status);
  /// The events' topic was made anew: what was accepted is published again.
  void accept_again();
  ActiveRequest active_of(RequestRow row) const;

  // --- delivery.cpp
  static constexpr int kPictureCalls = 8;
  static constexpr std::chrono::seconds kStoreSlow{7};  ///< less than a read that hangs is waited for: the next begins after it was told
  static constexpr int kMostLost = 2;                   ///< status messages; then the end alone is shown
  enum class Step { none, status_new, status_edit, answer_picture, answer_text, original_new, original_picture, original_text, bell };
  /// A step whose call is under way, and what came of it.
  struct Sent {
    Step step = Step::none;
    std::string id;
    std::string text;
    bool answers = false;  ///< the text is how the request ended
    bool with_link = false;
    Time link_until;
    telegram::Result<std::int64_t> result = 0;
    bool store_failed = false;
  };
  void deliver();
  Step next_step(ActiveRequest& live);
  static RateLimiter::Call call_of(Step step);
  static bool is_picture(Step step);
  StatusContext status_context(const ActiveRequest& live);
  /// Whether the picture is not in the chat yet because of the store.
  bool waits_for_store(const ActiveRequest& live) const;
  void begin(Step step, ActiveRequest& live);
  void call(Sent& sent, const RequestRow& row, const telegram::Keyboard& keyboard);
  void show_picture(Sent& sent, const RequestRow& row, std::int64_t message, telegram::Media::Type type,
                    const telegram::Keyboard& keyboard);
  /// Telegram's rules for photos; what breaks them goes as a document.
  static bool can_be_photo(const RequestRow& row);
  static const char* name_of(Step step);
  void settle(ActiveRequest& live);
  void retry(std::chrono::milliseconds& backoff, Time& retry_at) const;

  // --- outcome.cpp
  void finish_step(const Sent& sent);
  void fail_step(const Sent& sent, ActiveRequest& live, const Failure& failure);
  void refused_picture(ActiveRequest& live, const Failure& failure);
  void refused_words(const Sent& sent, ActiveRequest& live);
  void refused_original(const Sent& sent, ActiveRequest& live, const Failure& failure);
  void lose_message(ActiveRequest& live);
  void give_up(ActiveRequest& live);

  // --- replies.cpp
  void begin(ActiveReply& reply);
  void finish_reply(std::int64_t number, const telegram::Result<std::int64_t>& result);
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
  const requests::Client& requests_;
  const dispatch::Dispatch& dispatch_;
  blob::BlobStore& store_;
  State& state_;
  Metrics& metrics_;
  BotConfig config_;

  // Of the core thread alone.
  std::map<std::string, ActiveRequest> active_;
  std::map<std::int64_t, ActiveReply> replies_;
  std::map<std::string, LinkEdit> link_edits_;  ///< by request
  std::int64_t next_number_ = 1;                ///< of letters and replies
  std::map<std::int64_t, OutboxMessage>
      old_outbox_;  ///< from before the start: sent once the events have been read that may show that they were sent
  std::set<std::string> dirty_;
  std::multimap<Time, std::string> due_;
  std::optional<Time> wake_;
  Time next_tick_;
  Time next_prune_;
  RateLimiter rate_limiter_;
  Time last_accepted_;
  std::map<std::string, Time> pressed_;  ///< buttons that draw again, against double presses
  std::map<std::string, Time> albums_;   ///< that were answered
  std::set<std::int64_t> noted_;         ///< updates among writes_
  std::vector<std::function<void()>> writes_;
  Time writes_since_;
  std::vector<std::function<void()>> after_;
  int pictures_under_way_ = 0;
  std::map<std::string, Time> store_reads_;  ///< under way: since when
  bool stopping_ = false;
  std::optional<Time> unserved_since_;
  std::map<std::int64_t, Time> undelivered_;    ///< letters on their way
  std::multimap<Time, OutboxMessage> refused_;  ///< letters that are sent again at that time
  std::stop_token stop_;                        ///< run()'s

  std::atomic<bool> reads_work_ = true;  ///< of the database
  std::atomic<bool> writes_work_ = true;
  std::atomic<bool> events_work_ = false;
  Heartbeat turns_, event_reads_;
  Contact contact_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> inputs_;

  std::unique_ptr<bus::Producer> producer_;
  std::optional<CallPool> calls_;
  std::optional<CallPool> picture_calls_;  ///< read from the store first, which may take long
  std::optional<CallPool> quick_calls_;    ///< answers to button presses, which nothing may hold up
};

}  // namespace p2p::bot
