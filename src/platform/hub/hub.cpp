#include "platform/hub/hub.hpp"

#include <charconv>
#include <optional>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "platform/http/client.hpp"
#include "platform/http/public_address.hpp"
#include "platform/http/redirect.hpp"
#include "platform/http/retry_after.hpp"

namespace p2p::hub {
namespace {

constexpr int kMaxRedirects = 5;
constexpr std::chrono::seconds kStall(30);
constexpr int kSlowest = 1024;  ///< bytes a second, over kStall
constexpr std::size_t kMaxListing = 16u << 20;
constexpr std::size_t kMaxTalk = 1u << 20;  ///< bytes of a response that is not a file

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// The offset of the response's first byte in the file. Throws Error if the response is for a file of another size or another range.
std::uint64_t first_byte(const http::HttpResponse& head, const RemoteFile& file, std::uint64_t offset) {
  const auto lied = [&](std::string_view served) {
    throw Error("the hub lists " + file.path + " with " + std::to_string(file.size) + " bytes and serves " + excerpt(served) +
                "; report this to its owner");
  };
  if (!head.header("content-encoding").empty() && head.header("content-encoding") != "identity")
    throw Error("the hub serves " + file.path + " packed, though it was asked not to");
  if (head.status != 206) {
    const std::string_view length = head.header("content-length");
    if (!length.empty() && number(length) != file.size) lied(length);
    return 0;
  }
  const std::string expected = "bytes " + std::to_string(offset) + "-";
  const std::string_view range = head.header("content-range");
  const std::string_view total = range.substr(std::min(range.find('/'), range.size() - 1) + 1);
  if (!range.starts_with(expected) || (total != "*" && number(total) != file.size)) lied(range);
  return offset;
}

}  // namespace

struct Hub::Connection {
  const HubConfig& config;
  const std::stop_token& stop;
  http::Client client{{.proxy = config.proxy, .ca_file = config.ca_file, .connect_timeout = std::chrono::seconds(15)}};

  bool hub_is_public = true;

  /// The response to a GET after redirects, with any status.
  http::HttpResponse get(const std::string& path, http::HttpRequest request) {
    std::string url = config.url + path;
    const http::HeaderList headers = request.headers;
    request.stall = kStall;
    request.slowest = kSlowest;
    for (int hop = 0; hop <= kMaxRedirects; ++hop) {
      const bool at_home = http::same_origin(url, config.url);
      request.url = Secret(url);
      request.headers = headers;
      request.headers.insert(request.headers.end(), {{"Accept-Encoding", "identity"}, {"User-Agent", "prompt2pic"}});
      if (at_home && !config.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + config.token.expose());
      // A local hub may redirect within its network; a public hub must not make us send requests there.
      request.public_only = !at_home && hub_is_public;
      http::HttpResponse response;
      try {
        response = client.send(request, [this] { return stop.stop_requested(); });
      } catch (const http::HttpError& error) {
        throw HubUnavailable(error.what());
      } catch (const http::AddressRefused& error) {
        throw Error(config.url + " redirects to where nobody may follow: " + error.what());
      }
      if (at_home) hub_is_public = http::is_public_address(response.address);
      const int status = response.status;
      // A refusal by a store that the hub redirected to is most often an expired link; the hub creates a new one.
      if (status == 429 || status >= 500 || (!at_home && (status == 401 || status == 403)))
        throw HubUnavailable(config.url + " answered " + std::to_string(status) + (status == 429 ? ", too many requests" : ""),
                             http::retry_after(response, now()));
      if (!is_redirect(status)) return response;
      const auto next = http::redirect_target(url, std::string(response.header("location")));
      if (!next) throw Error(config.url + " redirects to where nobody may follow: only http and https are, and never from https to http");
      url = *next;
    }
    throw Error(config.url + " redirects more than " + std::to_string(kMaxRedirects) + " times");
  }

  /// Throws unless the status is a success.
  void check(int status, const std::string& repository, const std::string& what) const {
    if (status >= 200 && status < 300) return;
    const std::string where = config.url + " (setting hub_url)";
    if (status == 404) throw UsageError("there is no " + what + " at " + where);
    if (status != 401 && status != 403) throw Error(config.url + " answered " + std::to_string(status) + " when asked for " + what);
    if (!config.token.empty())
      throw UsageError("the token in P2P_HUB_TOKEN may not read " + what + " at " + where + "; accept its terms on " + config.url + "/" +
                       repository);
    throw UsageError("there is no " + what + " for everybody at " + where + "; if it asks for consent, accept its terms on " + config.url +
                     "/" + repository + " and put a token that may read it in P2P_HUB_TOKEN");
  }
};

Hub::Hub(HubConfig config, std::stop_token stop)
    : config_(std::move(config)), stop_(std::move(stop)), connection_(std::make_unique<Connection>(config_, stop_)) {}
Hub::~Hub() = default;

Listing Hub::list(const std::string& repository, const std::string& revision) {
  const std::string path = "/api/models/" + repository + "/revision/" + http::percent_encode(revision) + "?blobs=true";
  const http::HttpResponse response = connection_->get(path, {.timeout = std::chrono::minutes(2), .max_response = kMaxListing});
  connection_->check(response.status, repository, "repository " + repository + " with the revision " + revision);
  Listing listing = read_listing(response.body, config_.url + ", listing " + repository);
  listing.repository = repository;  // the hub may have renamed it and redirected us
  return listing;
}

void Hub::read(const Listing& of, const RemoteFile& file, std::uint64_t offset, const Take& take) {
  std::optional<std::uint64_t> at;
  const auto sink = [&](const http::HttpResponse& head, std::string_view bytes) {
    if (!at) at = first_byte(head, file, offset);
    if (bytes.size() > file.size - *at)
      throw Error("the hub sends more of " + file.path + " than the " + std::to_string(file.size) +
                  " bytes that it lists; report this to its owner");
    take(*at, bytes);
    *at += bytes.size();
  };
  http::HttpRequest request{.timeout = std::chrono::hours(24 * 7), .max_response = kMaxTalk, .sink = sink};
  if (offset > 0) request.headers = {{"Range", "bytes=" + std::to_string(offset) + "-"}};
  const http::HttpResponse response =
      connection_->get("/" + of.repository + "/resolve/" + of.commit + "/" + http::percent_encode(file.path, true), std::move(request));
  connection_->check(response.status, of.repository, "file " + file.path + " of " + of.repository);
  if (!at) first_byte(response, file, offset);
}

}  // namespace p2p::hub
