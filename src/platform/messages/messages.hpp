#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

/// What rides Kafka: JSON, described in docs/asyncapi.yaml, with fixtures (fixtures/*.json) that must decode for ever.
/// Unknown fields are ignored; what is missing or out of range is named. Every message has schema_version, id (a request's, also the Kafka
/// key) and time.
namespace p2p::messages {

inline constexpr int kSchemaVersion = 1;
inline constexpr std::string_view kEventsTopic = "prompt2pic.events";
inline constexpr std::string_view kControlTopic = "prompt2pic.control";
inline constexpr std::string_view kDeadLettersTopic = "prompt2pic.dead-letters";
inline constexpr std::string_view kWorkersGroup = "prompt2pic.workers";
/// Longest prompt or negative prompt, in bytes of UTF-8, wherever it comes from: the chat (a message of Telegram has at most 4096
/// characters of three), the API, Kafka, the command line.
inline constexpr std::size_t kMaxPrompt = 16384;
/// Most bytes of a message: what is longer is unreadable. Kafka's own default limit.
inline constexpr std::size_t kMaxMessage = 1u << 20;
/// Most bytes of an original in a dead letter, so that the letter itself stays below kMaxMessage.
inline constexpr std::size_t kMaxOriginal = 128u << 10;

/// prompt2pic.requests.MODEL
std::string requests_topic(std::string_view model);
/// The MODEL of such a topic; empty for another.
std::string_view model_of(std::string_view requests_topic);

/// Whether a request may be called so: [A-Za-z0-9._-], 1 to 64 of them, the first no dot. Ours are new_id(); another program's may be
/// anything that is safe in an object's key and a file's name.
bool is_request_id(std::string_view text);
/// Whether a client may be called so: as a request, or that behind the name of a door: "telegram:5".
bool is_owner(std::string_view text);

/// What to draw.
struct Request {
  std::string id;
  Time time;  ///< when it was accepted: its UTC date is in the objects' keys
  std::string model;
  std::string prompt;
  std::string negative_prompt;
  std::uint64_t seed = 0;     ///< below 2^53: survives every JSON reader
  int count = 1;              ///< pictures; picture n has seed_of(request, n)
  int picture = 0;            ///< the one that is to be drawn now, from 1; the others have messages of their own. 0: all at once
  std::optional<int> width;   ///< px; this and the next: unset, the worker's settings, then the model's own
  std::optional<int> height;  ///< px
  std::optional<int> steps;
  std::optional<double> guidance;
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
  /// Seeds: the picture of `seed` drawn again with the noise of the first, that one with the noise of the next, and so on.
  std::vector<std::uint64_t> variations;
  std::optional<double> upscale;  ///< above 1: then drawn again so many times as large
  int dispatch = 1;               ///< how often it was sent to a worker, this time included
  int failed_attempts = 0;        ///< workers that died of it, as far as was known when it was sent
};

enum class EventType { accepted, started, progress, finished, failed, cancelled };
std::string_view name_of(EventType type);

/// An object in the store.
struct StoredImage {
  std::string key;
  int width = 0;   ///< px
  int height = 0;  ///< px
  std::uint64_t seed = 0;
  std::size_t bytes = 0;
};

/// Why a request failed: words that programs compare; the texts for people are the bot's.
namespace reason {
inline constexpr std::string_view kCannotDo = "cannot_do";            ///< the model cannot fulfil the wish; detail says which
inline constexpr std::string_view kNoWorker = "no_worker";            ///< no worker serves the model
inline constexpr std::string_view kKilledWorker = "killed_worker";    ///< two workers died of it
inline constexpr std::string_view kUnreadable = "unreadable";         ///< the message could not be decoded
inline constexpr std::string_view kDrawingFailed = "drawing_failed";  ///< the engine gave up
inline constexpr std::string_view kTooLong = "too_long";              ///< it took longer than the worker may draw
inline constexpr std::string_view kWithheld = "withheld";             ///< the model's safety checker withheld the picture
inline constexpr std::string_view kStoringFailed = "storing_failed";  ///< the store refuses pictures
}  // namespace reason

/// What can be asked of a picture that was drawn, by a request like its own with more in it.
namespace offer {
inline constexpr std::string_view kVariation = "variation";  ///< one seed more in `variations`
inline constexpr std::string_view kLarger = "larger";        ///< an `upscale`
}  // namespace offer

struct Event {
  std::string id;
  Time time;
  EventType type = EventType::accepted;
  std::string worker;  ///< its name; empty: the bot or api itself
  int dispatch = 0;    ///< the request's; 0: it was not sent to a worker
  int attempt = 0;     ///< started: 1 + failed_attempts
  // progress
  std::string stage;  ///< text, prior, decoder, vae, unet; storing; handed_back
  int step = 0;
  int total = 0;
  double fraction = 0;      ///< of the whole drawing, 0 to 1
  int failed_attempts = 0;  ///< handed_back: what the next Request carries
  // finished; handed_back after a picture that is not the last of its request: that one
  std::vector<StoredImage> images;
  std::map<std::string, double> seconds;  ///< by stage, and "total"
  // finished
  std::map<std::string, std::string> used;  ///< settings as they were used: steps, guidance, ... , precision
  std::vector<std::string> notices;
  std::vector<std::string> offers;  ///< what else the model can make of the picture: words of namespace offer
  // failed
  std::string reason;
  std::string detail;  ///< English, for operators; holds no secret
  // accepted: the request itself, so that the topic alone tells what was asked
  std::optional<Request> request;
  std::string client;  ///< accepted: whose request it is, such as "telegram:5" or "key-ab12"; empty: not known
  std::string digest;  ///< accepted: of the body that the API's caller sent; empty: unknown

  bool ends() const { return type == EventType::finished || type == EventType::failed || type == EventType::cancelled; }
  bool hands_back() const { return type == EventType::progress && stage == "handed_back"; }
};

/// Asks the worker that holds a request: cancel: end it with `cancelled`; release: hand it back unless it has started.
struct Control {
  enum class Type { cancel, release };
  std::string id;
  Time time;
  Type type = Type::cancel;
  int dispatch = 0;  ///< release: of this dispatch alone
};

/// What could not be handled.
struct DeadLetter {
  std::string id;  ///< the request's; where it could not be read, the Kafka key if that is an id, else a new one
  Time time;
  std::string reason;  ///< a word of namespace reason
  std::string detail;
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  std::string original;           ///< the message's bytes (base64 in JSON where they are no UTF-8); encode() keeps the first kMaxOriginal
  std::size_t original_size = 0;  ///< bytes before that cut; 0: nothing was cut
};

/// JSON in one line. Free texts (details, notices) are cut to what decode takes; bytes that are no UTF-8 become U+FFFD.
std::string encode(const Request& request);
std::string encode(const Event& event);
std::string encode(const Control& control);
std::string encode(const DeadLetter& letter);

/// The decoded message, or all that is wrong with it in one line of English. Safe for any bytes; nothing longer than kMaxMessage is looked
/// at.
std::expected<Request, std::string> decode_request(std::string_view text);
std::expected<Event, std::string> decode_event(std::string_view text);
std::expected<Control, std::string> decode_control(std::string_view text);
std::expected<DeadLetter, std::string> decode_dead_letter(std::string_view text);

/// The seed of the request's picture n, from 1: each the next one, and after the greatest 0.
std::uint64_t seed_of(const Request& request, int n);

/// images/YYYY/MM/DD/ID-N.png: the UTC date of the request's time, N from 1.
std::string image_key(const std::string& id, Time time, int n);
/// Whether `key` has that form, with any date and id: nothing else is ever asked of the store.
bool is_image_key(std::string_view key);

/// Trace context as W3C's header traceparent: 00-32 hex-16 hex-01.
std::string new_traceparent();
/// The same trace with a new span; a new trace where `parent` is not well formed.
std::string child_of(std::string_view parent);

}  // namespace p2p::messages
