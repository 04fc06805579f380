#include <algorithm>
#include <array>

#include "config/parse_number.hpp"
#include "config/settings.hpp"

namespace p2p {
namespace {

constexpr std::string_view kSteps = "a whole number from 1 to 1000";
constexpr std::string_view kOnOff = "on or off";
constexpr std::string_view kSeconds = "seconds: a whole number from 1 to 3600";
constexpr std::string_view kUrl = "an address that begins with http:// or https://";
constexpr std::string_view kProxy = "an address that begins with http:// or socks5h://";
constexpr std::string_view kIds = "Telegram ids: comma-separated whole numbers";

/// These templates implement Setting::apply(). `At` returns the configuration's value to set.
template <auto At>
bool text(AppConfig& config, const std::string& given) {
  At(config) = given;
  return true;
}

template <auto At>
bool secret(AppConfig& config, const std::string& given) {
  At(config) = Secret(given);
  return true;
}

template <auto At, std::int64_t Min, std::int64_t Max>
bool number(AppConfig& config, const std::string& given) {
  if (given.empty()) return true;
  const auto value = parse_number<std::int64_t>(given, Min, Max);
  using Value = std::remove_reference_t<decltype(At(config))>;
  if (!value) return false;
  if constexpr (requires { typename Value::rep; }) {
    At(config) = Value(*value);
  } else if constexpr (std::is_arithmetic_v<Value>) {
    At(config) = static_cast<Value>(*value);
  } else {
    At(config) = static_cast<int>(*value);
  }
  return true;
}

template <auto At>
bool seconds(AppConfig& config, const std::string& given) {
  const auto value = parse_number<std::int64_t>(given, 1, 3600);
  if (value) At(config) = std::chrono::seconds(*value);
  return value.has_value();
}

bool is_url(const std::string& given) {
  const std::size_t scheme = given.starts_with("https://") ? 8 : given.starts_with("http://") ? 7 : 0;
  return scheme > 0 && given.size() > scheme && given[scheme] != '/' && given.find_first_of(" \t\r\n") == std::string::npos;
}

/// Removes trailing slashes, so that a path can be appended.
template <auto At>
bool url(AppConfig& config, const std::string& given) {
  At(config) = given.substr(0, given.find_last_not_of('/') + 1);
  return given.empty() || is_url(given);
}

template <auto At>
bool ids(AppConfig& config, const std::string& given) {
  for (std::size_t from = 0; from < given.size();) {
    const std::size_t end = std::min(given.find(',', from), given.size());
    std::string_view item = std::string_view(given).substr(from, end - from);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    const auto id = parse_number<std::int64_t>(item, INT64_MIN, INT64_MAX);
    if (!id) return false;
    At(config).insert(*id);
    from = end + 1;
  }
  return true;
}

/// One word of a list; `take` receives its index.
template <std::size_t Count>
bool choice(const std::string& given, const std::array<std::string_view, Count>& words, const auto& take) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto same = [&](std::string_view word) { return std::ranges::equal(word, given, {}, lower, lower); };
  const auto found = std::ranges::find_if(words, same);
  if (found == words.end()) return false;
  take(static_cast<std::size_t>(found - words.begin()));
  return true;
}

bool precision(AppConfig& config, const std::string& given) {
  if (given == "f32") config.engine.precision = engine::Precision::f32;
  if (given == "bf16") config.engine.precision = engine::Precision::bf16;
  return given == "auto" || config.engine.precision;
}

template <auto At>
bool on_off(AppConfig& config, const std::string& given) {
  At(config) = given == "on";
  return given == "on" || given == "off";
}

bool vae_tiling(AppConfig& config, const std::string& given) {
  constexpr std::array<std::string_view, 3> kWords{"off", "on", "auto"};
  return choice(given, kWords, [&](std::size_t i) {
    if (i < 2) config.engine.vae_tiling = i == 1;
  });
}

bool safety(AppConfig& config, const std::string& given) {
  config.engine.safety = parse_number<double>(given, -1, 1);
  return given == "off" || config.engine.safety;
}

template <auto At>
bool proxy(AppConfig& config, const std::string& given) {
  At(config) = Secret(given);
  return given.empty() || given.starts_with("http://") || given.starts_with("socks5h://");
}

bool webhook_secret(AppConfig& config, const std::string& given) {
  config.webhook_secret = Secret(given);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return given.size() <= 256 && std::ranges::all_of(given, allowed);
}

bool token(AppConfig& config, const std::string& given) {
  config.telegram.token = Secret(given);
  const auto allowed = [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != '?' && c != '#' && c != '%'; };
  return given.empty() || (given.find(':') != std::string::npos && std::ranges::all_of(given, allowed));
}

bool hub_token(AppConfig& config, const std::string& given) {
  config.hub.token = Secret(given);
  const auto allowed = [](char c) { return c > ' ' && c < 0x7f; };
  return std::ranges::all_of(given, allowed);
}

bool database_url(AppConfig& config, const std::string& given) {
  config.database_url = Secret(given);
  return given.empty() || given.starts_with("sqlite:///") || given.starts_with("postgresql://");
}

constexpr std::array<std::string_view, 4> kProtocols{"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
constexpr std::array<std::string_view, 3> kMechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kFormats{"text", "json"};

bool security_protocol(AppConfig& config, const std::string& given) {
  return choice(given, kProtocols, [&](std::size_t i) { config.kafka.security_protocol = kProtocols[i]; });
}

bool sasl_mechanism(AppConfig& config, const std::string& given) {
  return given.empty() || choice(given, kMechanisms, [&](std::size_t i) { config.kafka.sasl_mechanism = kMechanisms[i]; });
}

bool log_level(AppConfig& config, const std::string& given) {
  return choice(given, kLevels, [&](std::size_t i) { config.log_level = static_cast<log::Level>(i); });
}

bool log_format(AppConfig& config, const std::string& given) {
  return choice(given, kFormats, [&](std::size_t i) { config.log_format = static_cast<log::Format>(i); });
}

bool model(AppConfig& config, const std::string& given) { return !(config.model = given).empty(); }

/// An existing folder, or nothing.
template <auto At>
bool folder(AppConfig& config, const std::string& given) {
  At(config) = given;
  std::error_code unreadable;
  return given.empty() || std::filesystem::is_directory(given, unreadable);
}

// NOLINTNEXTLINE(bugprone-macro-parentheses): the argument is a member's name
#define P2P_AT(member) [](AppConfig& config) -> auto& { return config.member; }

constexpr std::array kSettings{
    Setting{"model", "a model's name, folder or .safetensors file", "emoji",
            "The model: its name, folder or .safetensors file; for a worker a comma-separated list.", model},
    Setting{"models_dir", "a folder that exists", "",
            "A folder of models, searched before the bundled ones; unset: prompt2pic/models in the user's data folder.",
            folder<P2P_AT(models_dir)>},
    Setting{"precision", "auto, f32 or bf16 (int8 comes in a later version)", "auto",
            "Arithmetic precision: auto uses bf16 if the processor supports it, otherwise f32.", precision},
    Setting{"steps", kSteps, "", "Equal steps of the prior; unset: the model's own schedule.", number<P2P_AT(steps), 1, 1000>},
    Setting{"decoder_steps", kSteps, "", "Steps of the decoder; unset: the model's default.", number<P2P_AT(decoder_steps), 1, 1000>},
    Setting{"draw_within", "seconds: a whole number from 1 to 86400", "3600",
            "Time limit of a worker for one request; longer requests fail.", number<P2P_AT(draw_within), 1, 86'400>},
    Setting{"max_pixels", "a whole number from 256 to 67108864", "4194304",
            "Maximum pixels of a picture that a worker draws; a model's card may set a lower limit (max_pixels).",
            number<P2P_AT(max_pixels), 256, 67'108'864>},
    Setting{"loras_dir", "a folder that exists", "",
            "Folder of LoRAs for prompts: <lora:NAME:WEIGHT> uses NAME.safetensors there; unset: loras in the folder of models.",
            folder<P2P_AT(engine.loras_dir)>},
    Setting{"vae", "a folder, a .safetensors file or the name of one among the models", "",
            "A VAE for Stable Diffusion instead of the model's own: taesd decodes many times faster, slightly less sharp.",
            text<P2P_AT(engine.vae)>},
    Setting{"preview_vae", "a folder, a .safetensors file or the name of one among the models", "",
            "The VAE of previews; taesd is fast. Unset: for --preview that of the pictures, for workers a rough approximation.",
            text<P2P_AT(engine.preview_vae)>},
    Setting{"previews", kOnOff, "on", "Workers store previews of pictures that take seconds to draw; the web page shows them.",
            on_off<P2P_AT(previews)>},
    Setting{"vae_tiling", "auto, on or off", "auto",
            "Decode Stable Diffusion pictures in tiles, with bounded memory; auto: above 1536x1536 pixels.", vae_tiling},
    Setting{"safety", "off, or a number from -1 to 1", "off",
            "Stable Diffusion's safety checker, which blacks out pictures: 0 as published, above 0 stricter, below 0 more permissive.",
            safety},
    Setting{"threads", "a whole number from 0 to 1024", "0", "Number of compute threads; 0: all processors, within the cgroup's quota.",
            number<P2P_AT(engine.threads), 0, 1024>},
    Setting{"cache_dir", "a folder of your own, or off", "",
            "Cache of compiled networks for generate; unset: prompt2pic/networks in the user's cache folder.", text<P2P_AT(cache_dir)>},
    Setting{"flat_ms", "milliseconds: a whole number from 0 to 3600000", "0",
            "Duration of a drawing of the model flat, for load and crash tests.", number<P2P_AT(flat), 0, 3'600'000>},

    Setting{"hub_url", kUrl, "https://huggingface.co", "The hub for prompt2pic pull: Hugging Face, or a mirror with the same API.",
            url<P2P_AT(hub.url)>},
    Setting{"hub_token", "an access token of the hub", "", "Access token for gated models; sent only to hub_url.", hub_token, true},
    Setting{"hub_proxy", kProxy, "", "Proxy used only by pull.", proxy<P2P_AT(hub.proxy)>, true},
    Setting{"hub_ca_file", "a PEM file", "", "CA certificates for the hub; unset: the system's.", text<P2P_AT(hub.ca_file)>},

    Setting{"telegram_token", "a bot's token from @BotFather: 123456:ABC...", "", "The bot's token.", token, true},
    Setting{"telegram_api_url", kUrl, "https://api.telegram.org", "Telegram's Bot API server, or a self-hosted one.",
            url<P2P_AT(telegram.url)>},
    Setting{"telegram_proxy", kProxy, "", "Proxy used only for Telegram.", proxy<P2P_AT(telegram.proxy)>, true},
    Setting{"telegram_webhook_url", kUrl, "", "URL of the webhook; its path is served on http_listen. Unset: the bot polls for updates.",
            url<P2P_AT(webhook_url)>},
    Setting{"telegram_webhook_secret", "at most 256 of A-Z a-z 0-9 _ -", "",
            "Secret that Telegram sends to the webhook; unset: derived from the token.", webhook_secret, true},

    Setting{"kafka_brokers", "host:port, comma-separated", "", "Kafka's bootstrap servers.", text<P2P_AT(kafka.brokers)>},
    Setting{"kafka_security_protocol", "plaintext, ssl, sasl_plaintext or sasl_ssl", "plaintext", "Protocol for the connection to Kafka.",
            security_protocol},
    Setting{"kafka_sasl_mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", "", "SASL mechanism for sasl_plaintext and sasl_ssl.",
            sasl_mechanism},
    Setting{"kafka_username", "a text", "", "Kafka's user.", text<P2P_AT(kafka.username)>},
    Setting{"kafka_password", "a text", "", "Kafka's password.", secret<P2P_AT(kafka.password)>, true},
    Setting{"kafka_ca_file", "a PEM file", "", "CA certificates for Kafka; unset: the system's.", text<P2P_AT(kafka.ca_file)>},
    Setting{"kafka_replication", "a whole number from 1 to 32", "",
            "Replication factor of topics that prompt2pic creates; unset: 3 with three or more brokers, otherwise the brokers' default.",
            number<P2P_AT(kafka.replication), 1, 32>},

    Setting{"s3_endpoint", kUrl, "", "The S3-compatible storage, such as https://s3.cloud.ru.", url<P2P_AT(s3.endpoint)>},
    Setting{"s3_public_endpoint", kUrl, "", "Public address of the storage, used in links; unset: s3_endpoint.",
            url<P2P_AT(s3.public_endpoint)>},
    Setting{"s3_region", "a region, such as ru-central-1", "us-east-1", "The storage's region.", text<P2P_AT(s3.region)>},
    Setting{"s3_bucket", "a bucket that exists", "", "The bucket for pictures; unset: they are stored in data_dir.",
            text<P2P_AT(s3.bucket)>},
    Setting{"s3_access_key", "an access key; cloud.ru's are TENANT_ID:KEY_ID", "", "The storage's access key.", text<P2P_AT(s3.access_key)>,
            true},
    Setting{"s3_secret_key", "a text", "", "The storage's secret key.", secret<P2P_AT(s3.secret_key)>, true},
    Setting{"s3_ca_file", "a PEM file", "", "CA certificates for the storage; unset: the system's.", text<P2P_AT(s3.ca_file)>},
    Setting{"s3_link_ttl", "seconds: a whole number from 1 to 604800", "604800", "Lifetime of links to pictures.",
            number<P2P_AT(link_ttl), 1, 604'800>},
    Setting{"public_url", kUrl, "", "Public address of this service, for links to pictures.", url<P2P_AT(public_url)>},
    Setting{"keep_days", "days: a whole number from 1 to 36500", "", "Pictures are deleted after this time; unset: never.",
            number<P2P_AT(keep_days), 1, 36'500>},
    Setting{"privacy_contact", "a name, an address or a link", "", "Who answers for personal data, named by the bot's /privacy.",
            text<P2P_AT(privacy_contact)>},
    Setting{"database_url", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE", "",
            "The bot's database; unset: prompt2pic.db in data_dir. With PostgreSQL several bots can share it.", database_url, true},

    Setting{"admins", kIds, "", "Administrators: not subject to limits, and may cancel requests of others.", ids<P2P_AT(admins)>},
    Setting{"allow", kIds, "", "Users who may use the bot; unset: everyone.", ids<P2P_AT(allow)>},
    Setting{"block", kIds, "", "Users who may not use the bot.", ids<P2P_AT(block)>},
    Setting{"user_in_flight", "a whole number from 1 to 1000", "2", "Maximum number of workers that one user may occupy while others wait.",
            number<P2P_AT(user_in_flight), 1, 1000>},
    Setting{"user_queue", "a whole number from 1 to 100000", "20", "Maximum number of waiting requests per user.",
            number<P2P_AT(user_queue), 1, 100'000>},
    Setting{"longest_wait", "seconds: a whole number from 60 to 86400", "43200",
            "How long a request may wait for a worker before it fails.", number<P2P_AT(longest_wait), 60, 86'400>},
    Setting{"user_per_day", "a whole number from 1 to 100000", "", "Maximum number of requests per user and day (UTC); unset: unlimited.",
            number<P2P_AT(user_per_day), 1, 100'000>},

    Setting{"api_keys", "comma-separated keys, each at least 16 characters", "",
            "Keys of clients of the HTTP API; without keys it serves only loopback.", secret<P2P_AT(api_keys)>, true},
    Setting{"api_wait", kSeconds, "600", "How long a call of the HTTP API waits for its pictures by default.", seconds<P2P_AT(api_wait)>},

    Setting{"api_page", kOnOff, "off", "Serve the web page at /.", on_off<P2P_AT(api_page)>},
    Setting{"api_strict", kOnOff, "off", "Refuse unknown fields in calls of the HTTP API; otherwise they are ignored with a notice.",
            on_off<P2P_AT(api_strict)>},
    Setting{"model_aliases", "NAME=MODEL, comma-separated, such as dall-e-3=emoji", "",
            "Other names of models, for clients of the HTTP API with fixed names.", text<P2P_AT(model_aliases)>},

    Setting{"http_listen", "host:port", "",
            "Address of the service's HTTP server, which also has /livez, /readyz and /metrics; unset: 127.0.0.1:8080 for the API, "
            "127.0.0.1:8081 "
            "for a bot that serves a webhook or pictures, none for a worker.",
            text<P2P_AT(http_listen)>},
    Setting{
        "health_listen", "host:port", "",
        "Address of a separate listener for /livez, /readyz and /metrics; unset: 127.0.0.1:9080 for the API, 9081 for the bot, 9082 for a "
        "worker, or another port, which is logged, if that is in use.",
        text<P2P_AT(health_listen)>},
    Setting{"http_connections", "a whole number from 16 to 1000000", "8192",
            "Maximum number of connections of http_listen; beyond: the one idle for longest is closed.",
            number<P2P_AT(http.connections), 16, 1'000'000>},
    Setting{"http_connections_per_address", "a whole number from 1 to 1000000", "4096",
            "Maximum number of connections per IPv4 address or IPv6 /64; clients behind a proxy share its address.",
            number<P2P_AT(http.connections_per_address), 1, 1'000'000>},
    Setting{"http_requests_per_second", "a whole number from 1 to 1000000", "1000",
            "Maximum number of requests per address and second; beyond: 429.", number<P2P_AT(http.requests_per_second), 1, 1'000'000>},
    Setting{"http_header_bytes", "bytes: a whole number from 1024 to 1048576", "16384", "Maximum size of request headers; beyond: 431.",
            number<P2P_AT(http.header_bytes), 1024, 1'048'576>},
    Setting{"http_body_bytes", "bytes: a whole number from 1024 to 67108864", "1048576", "Maximum size of a request body; beyond: 413.",
            number<P2P_AT(http.body_bytes), 1024, 67'108'864>},
    Setting{"http_buffer_bytes", "bytes: a whole number from 1048576 to 17179869184", "12582912",
            "Maximum total size of buffered requests and responses; beyond: the slowest connection is closed.",
            number<P2P_AT(http.buffered_bytes), 1'048'576, 17'179'869'184>},
    Setting{"http_request_seconds", kSeconds, "20", "Time limit to receive a request; then 408.", seconds<P2P_AT(http.request)>},
    Setting{"http_idle_seconds", kSeconds, "75", "How long an idle connection is kept open.", seconds<P2P_AT(http.idle)>},
    Setting{"http_send_seconds", kSeconds, "20", "Time limit for the client to receive each 64 KiB of a response.",
            seconds<P2P_AT(http.send)>},
    Setting{"data_dir", "a folder", "data", "Folder of the database and, without a bucket, of the pictures; created if missing.",
            text<P2P_AT(data_dir)>},
    Setting{"log_level", "debug, info, warn or error", "info", "Minimum level of logged lines.", log_level},
    Setting{"log_format", "text or json", "text", "Format of log lines.", log_format},
};

#undef P2P_AT

}  // namespace

std::span<const Setting> settings() { return kSettings; }

}  // namespace p2p
