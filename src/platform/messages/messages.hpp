#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/sentence.hpp"

/// The Kafka messages: JSON, described in docs/asyncapi.yaml, with fixtures (fixtures/*.json) that must remain decodable for ever.
/// Unknown fields are ignored; errors name missing and invalid fields. Every message has schema_version, id (of the request, also the Kafka
/// key) and time.
namespace p2p::messages {

inline constexpr int kSchemaVersion = 1;
inline constexpr std::string_view kEventsTopic = "prompt2pic.events";
inline constexpr std::string_view kControlTopic = "prompt2pic.control";
inline constexpr std::string_view kModelsTopic = "prompt2pic.models";
inline constexpr std::string_view kDeadLettersTopic = "prompt2pic.dead-letters";
inline constexpr std::string_view kWorkersGroup = "prompt2pic.workers";
/// Maximum length of a prompt or negative prompt in bytes of UTF-8, for the chat (a Telegram message has at most 4096 UTF-16 units of up to
/// three bytes), the API, Kafka and the command line.
inline constexpr std::size_t kMaxPrompt = 16384;
/// Maximum size of a message in bytes; longer ones are unreadable. Kafka's default limit.
inline constexpr std::size_t kMaxMessage = 1u << 20;
/// Maximum bytes of the original message in a dead letter, so that the dead letter stays below kMaxMessage.
inline constexpr std::size_t kMaxOriginal = 128u << 10;

/// prompt2pic.requests.MODEL
std::string requests_topic(std::string_view model);
/// The MODEL of such a topic; empty for other topics.
std::string_view model_of(std::string_view requests_topic);

/// Whether `text` is a valid request id: 1 to 64 of [A-Za-z0-9._-], the first not a dot. Ours are new_id(); other programs may use anything
/// that is safe in an object key and a file name.
bool is_request_id(std::string_view text);
/// Whether `text` is a valid owner: an id, optionally after the name of a door: "telegram:5".
bool is_owner(std::string_view text);

/// File formats of drawn pictures; words of Request::output_format.
namespace output_format {
inline constexpr std::string_view kPng = "png";
inline constexpr std::string_view kJpeg = "jpeg";
inline constexpr std::string_view kWebp = "webp";
}  // namespace output_format

/// A request to draw.
struct Request {
  std::string id;
  Time time;  ///< time of acceptance; its UTC date is part of the object keys
  std::string model;
  std::string prompt;
  std::string negative_prompt;
  std::uint64_t seed = 0;     ///< below 2^53, so that every JSON parser preserves it
  int count = 1;              ///< pictures; picture n has seed_of(request, n)
  int picture = 0;            ///< the one to draw now, from 1; the others get their own messages. 0: all at once
  std::optional<int> width;   ///< px; defaults of this and the next: the worker's settings, then the model's own
  std::optional<int> height;  ///< px
  std::optional<int> steps;
  std::optional<double> guidance;
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
  /// Seeds: the picture of `seed` is redrawn with the noise of the first, the result with the noise of the next, and so on.
  std::vector<std::uint64_t> variations;
  std::optional<int> clip_skip;    ///< the layer of the text encoders from the last one, 1, as in AUTOMATIC1111's web UI
  std::optional<double> upscale;   ///< above 1: the picture is then redrawn enlarged by this factor
  std::string sampler;             ///< its name; empty: the model's own
  std::optional<double> strength;  ///< 0 to 1: how much a variation, an enlarged picture or one that begins with `image_key` differs
  std::string image_key;           ///< the object in the store that the picture begins with, as input_key(); empty: none
  std::string output_format{output_format::kPng};  ///< a word of namespace output_format
  int output_compression = 100;                    ///< 0 to 100: the quality of JPEG and WebP; PNG is lossless
  int dispatch = 1;                                ///< how often it was sent to a worker, including this time
  int failed_attempts = 0;                         ///< workers that crashed while drawing it, as far as known when it was sent
};

/// An object in the store.
struct StoredImage {
  std::string key;
  int width = 0;   ///< px
  int height = 0;  ///< px
  std::uint64_t seed = 0;
  std::size_t bytes = 0;
};

/// Reasons for a failed request, for programs to compare. The bot has the texts for users.
namespace reason {
inline constexpr std::string_view kCannotDo = "cannot_do";            ///< the model does not support a parameter; see detail
inline constexpr std::string_view kNoWorker = "no_worker";            ///< no worker serves the model
inline constexpr std::string_view kKilledWorker = "killed_worker";    ///< two workers crashed while drawing it
inline constexpr std::string_view kUnreadable = "unreadable";         ///< the message could not be decoded
inline constexpr std::string_view kDrawingFailed = "drawing_failed";  ///< the engine failed
inline constexpr std::string_view kTooLong = "too_long";              ///< drawing took longer than the worker's limit
inline constexpr std::string_view kWithheld = "withheld";             ///< the model's safety checker withheld the picture
inline constexpr std::string_view kStoringFailed = "storing_failed";  ///< the store refuses pictures
inline constexpr std::string_view kInputMissing = "input_missing";    ///< the store does not have the picture to begin with; see detail
}  // namespace reason

/// What can be done with a finished picture, by the same request with an addition.
namespace offer {
inline constexpr std::string_view kVariation = "variation";  ///< one more seed in `variations`
inline constexpr std::string_view kLarger = "larger";        ///< an `upscale`
}  // namespace offer

// What an event says. kType is its `type` on the wire.

/// The whole request, so that readers need no other topic.
struct Accepted {
  static constexpr std::string_view kType = "accepted";
  Request request;     ///< its id is the event's
  std::string client;  ///< the owner, such as "telegram:5" or "key-ab12"; empty: unknown
  std::string digest;  ///< of the body that the API client sent; empty: unknown
};

struct Started {
  static constexpr std::string_view kType = "started";
  int attempt = 1;  ///< 1 + failed_attempts
};

struct Progress {
  static constexpr std::string_view kType = "progress";
  std::string stage;  ///< text, prior, decoder, vae, unet; storing
  int step = 0;
  int total = 0;
  double fraction = 0;  ///< of the whole request, 0 to 1
  std::string preview;  ///< the object in the store, preview_key(), that has just been replaced; empty: none
};

/// The request waits again. On the wire a progress whose stage is handed_back.
struct HandedBack {
  static constexpr std::string_view kType = "progress";
  int failed_attempts = 0;                ///< the value for the next Request
  std::vector<StoredImage> images;        ///< after a picture that is not the last of its request: that one
  std::map<std::string, double> seconds;  ///< by stage, and "total"; of that picture
};

struct Finished {
  static constexpr std::string_view kType = "finished";
  std::vector<StoredImage> images;
  std::map<std::string, double> seconds;    ///< by stage, and "total"
  std::map<std::string, std::string> used;  ///< the effective parameters: steps, guidance, ..., precision
  std::vector<Sentence> notices;
  std::vector<std::string> offers;  ///< words of namespace offer
};

struct Failed {
  static constexpr std::string_view kType = "failed";
  std::string reason;  ///< a word of namespace reason
  Sentence detail;     ///< for operators and, if cannot_do, for users; contains no secrets
};

struct Cancelled {
  static constexpr std::string_view kType = "cancelled";
};

struct Event {
  using What = std::variant<Accepted, Started, Progress, HandedBack, Finished, Failed, Cancelled>;
  std::string id;
  Time time;
  std::string worker;  ///< its name; empty: the bot or api itself
  int dispatch = 0;    ///< the request's; 0: it was not sent to a worker
  What what;

  /// nullptr if the event is of another type.
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&what);
  }
  bool ends() const { return as<Finished>() || as<Failed>() || as<Cancelled>(); }
};
/// The event's `type` on the wire: accepted, started, progress, finished, failed or cancelled.
std::string_view type_of(const Event& event);

/// A command for the worker that holds a request. cancel: end it with `cancelled`; release: hand it back unless it has started.
struct Control {
  enum class Type { cancel, release };
  std::string id;
  Time time;
  Type type = Type::cancel;
  int dispatch = 0;  ///< release: applies only to this dispatch
};

/// A message that could not be processed.
struct DeadLetter {
  std::string id;  ///< of the request or, if undecodable, the Kafka key if that is a valid id, otherwise a new id
  Time time;
  std::string reason;  ///< a word of namespace reason
  std::string detail;
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  std::string original;           ///< the message (base64 in JSON if it is not UTF-8); encode() keeps the first kMaxOriginal bytes
  std::size_t original_size = 0;  ///< bytes before the cut; 0: not cut
};

/// What can be asked of a model; words of Model::features.
namespace feature {
inline constexpr std::string_view kNegativePrompt = "negative_prompt";
inline constexpr std::string_view kVariation = "variation";  ///< as offer::kVariation
inline constexpr std::string_view kLarger = "larger";        ///< as offer::kLarger
inline constexpr std::string_view kImage = "image";          ///< a picture to begin with: Request::image_key
inline constexpr std::string_view kPreview = "preview";      ///< gives Progress::preview where drawing takes seconds
}  // namespace feature

/// The description of a model, which its workers publish when they start and every ten minutes, so that doors can show what it can do.
struct Model {
  std::string id;  ///< its name
  Time time;
  std::map<std::string, std::string> title;                  ///< by language: en, ru
  std::map<std::string, std::vector<std::string>> examples;  ///< prompts, by language
  std::vector<std::string> languages;                        ///< that its prompts may have
  std::string licence;
  std::vector<std::string> sizes;     ///< the only ones it draws: "512x768"; empty: any
  std::vector<std::string> samplers;  ///< that can be chosen; empty: it has one of its own
  std::vector<std::string> features;  ///< words of namespace feature
  std::optional<int> max_pixels;
  // Its defaults.
  std::optional<int> width;   ///< px
  std::optional<int> height;  ///< px
  std::optional<int> steps;
  std::optional<double> guidance;
  std::optional<int> decoder_steps;
  std::optional<double> decoder_guidance;
};

/// JSON in one line. Free texts (details, notices) are cut to the limits of decode; invalid UTF-8 becomes U+FFFD.
std::string encode(const Request& request);
std::string encode(const Event& event);
std::string encode(const Control& control);
std::string encode(const DeadLetter& dead_letter);
std::string encode(const Model& model);

/// The decoded message, or all its problems in one line of English. Safe for any bytes; input longer than kMaxMessage is refused without
/// parsing.
std::expected<Request, std::string> decode_request(std::string_view text);
std::expected<Event, std::string> decode_event(std::string_view text);
std::expected<Control, std::string> decode_control(std::string_view text);
std::expected<DeadLetter, std::string> decode_dead_letter(std::string_view text);
std::expected<Model, std::string> decode_model(std::string_view text);

/// The seed of picture n (from 1) of the request: `seed` plus n - 1, where 0 follows the greatest seed.
std::uint64_t seed_of(const Request& request, int n);

/// images/YYYY/MM/DD/ID-N.png, .jpg or .webp, by `format`, a word of namespace output_format: the UTC date of the request's time, N from 1.
std::string image_key(const std::string& id, Time time, int n, std::string_view format = output_format::kPng);
/// Whether `key` has that form, with any date and id. Other keys are never requested from the store.
bool is_image_key(std::string_view key);
/// The word of namespace output_format by which image_key() made the key; empty if its ending is another.
std::string_view format_of(std::string_view key);

/// inputs/YYYY/MM/DD/ID.png, .jpeg or .webp, by `extension`: the UTC date of the request's time.
std::string input_key(const std::string& id, Time time, std::string_view extension);
/// Whether `key` has that form, with any date and id. Others are never requested from the store as a picture to begin with.
bool is_input_key(std::string_view key);

/// previews/YYYY/MM/DD/ID.png: the UTC date of the request's time.
std::string preview_key(const std::string& id, Time time);
/// Whether `key` has that form, with any date and id. Others are never requested from the store as a preview.
bool is_preview_key(std::string_view key);

/// A new W3C traceparent header: 00-32 hex-16 hex-01.
std::string new_traceparent();
/// The trace of `parent` with a new span; a new trace if `parent` is invalid.
std::string child_of(std::string_view parent);

}  // namespace p2p::messages
