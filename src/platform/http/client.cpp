#include "platform/http/client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <tuple>

#include "base/text.hpp"
#include "platform/http/public_address.hpp"

namespace p2p::http {
namespace {

/// Only scheme://host:port: the path may contain a token, the query a signature.
std::string origin_of(std::string_view url) {
  const std::size_t host = url.find("://") == url.npos ? 0 : url.find("://") + 3;
  std::string_view authority = url.substr(host, url.find_first_of("/?#", host) - host);
  if (const std::size_t at = authority.rfind('@'); at != authority.npos) authority.remove_prefix(at + 1);
  return std::string(url.substr(0, host)) + std::string(authority);
}

int status_of(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

struct Transfer {
  CURL* easy;
  const HttpRequest& request;
  const std::function<bool()>& cancelled;
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool refused = false;       ///< an address was refused
  std::exception_ptr thrown;  ///< by the sink; must not propagate through curl
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  const std::size_t bytes = size * count;
  const int status = transfer.response.status = status_of(transfer.easy);
  if (transfer.request.sink && status >= 200 && status < 300) {
    try {
      transfer.request.sink(transfer.response, {data, bytes});
    } catch (...) {
      transfer.thrown = std::current_exception();
      return 0;
    }
    return bytes;
  }
  transfer.too_large = bytes > transfer.request.max_response - transfer.response.body.size();
  if (transfer.too_large) return 0;
  transfer.response.body.append(data, bytes);
  return bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  constexpr std::size_t kMaxHeaders = 200;
  constexpr std::size_t kMaxHeaderBytes = 256u << 10;
  auto& transfer = *static_cast<Transfer*>(to);
  auto& headers = transfer.response.headers;
  const std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > kMaxHeaderBytes) return 0;  // reported by curl
  if (line.starts_with("HTTP/")) headers.clear();         // drop the headers of an interim response such as 100
  if (const std::size_t colon = line.find(':'); colon != line.npos && headers.size() < kMaxHeaders) {
    headers.emplace_back(to_lower(trimmed(line.substr(0, colon))), std::string(trimmed(line.substr(colon + 1))));
  }
  return line.size();
}

int ask_cancelled(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return static_cast<Transfer*>(to)->cancelled() ? 1 : 0; }

/// Called for each resolved address, before anything is sent.
curl_socket_t open_if_public(void* to, curlsocktype, curl_sockaddr* target) {
  if (!is_public_address(target->addr)) {
    static_cast<Transfer*>(to)->refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (curl_easy_setopt(easy, option, value) != CURLE_OK) throw Error("libcurl refuses option " + std::to_string(option));
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

void append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (!longer) throw std::bad_alloc();
  std::ignore = list.release();  // owned by the extended list
  list.reset(longer);
}

struct MimeDeleter {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};
using Mime = std::unique_ptr<curl_mime, MimeDeleter>;

Mime mime_of(CURL* easy, const std::vector<Part>& parts) {
  Mime mime(curl_mime_init(easy));
  for (const Part& part : parts) {
    curl_mimepart* field = curl_mime_addpart(mime.get());
    curl_mime_name(field, part.name.c_str());
    curl_mime_data(field, part.value.data(), part.value.size());
    if (!part.file_name.empty()) curl_mime_filename(field, part.file_name.c_str());
    if (!part.content_type.empty()) curl_mime_type(field, part.content_type.c_str());
  }
  return mime;
}

}  // namespace

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

/// Idle handles, which keep their connections open.
class Client::Pool {
 public:
  Easy take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return Easy(curl_easy_init());
    Easy easy = std::move(idle_.back());
    idle_.pop_back();
    return easy;
  }
  void give_back(Easy easy) {
    curl_easy_reset(easy.get());
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(easy));
  }

 private:
  std::mutex mutex_;
  std::vector<Easy> idle_;
};

Client::Client(ClientConfig config) : config_(std::move(config)) {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kStarted != CURLE_OK) throw Error(std::string("libcurl does not start: ") + curl_easy_strerror(kStarted));
  pool_ = std::make_unique<Pool>();
}
Client::~Client() = default;

HttpResponse Client::send(const HttpRequest& request, const std::function<bool()>& cancelled) {
  Easy easy = pool_->take();
  if (!easy) throw std::bad_alloc();
  CURL* const handle = easy.get();
  Transfer transfer{.easy = handle, .request = request, .cancelled = cancelled};
  std::array<char, CURL_ERROR_SIZE> reason{};

  set(handle, CURLOPT_URL, request.url.expose().c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_TCP_NODELAY, 1L);
  set(handle, CURLOPT_PROXY, config_.proxy.expose().c_str());  // empty: none, and the environment is ignored
  set(handle, CURLOPT_NOPROXY, "");                            // nor are exceptions taken from it
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(config_.connect_timeout.count()));
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (request.stall.count() > 0) {
    set(handle, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(request.slowest));
    set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall.count()));
  }
  if (!config_.ca_file.empty()) set(handle, CURLOPT_CAINFO, config_.ca_file.c_str());
  set(handle, CURLOPT_ERRORBUFFER, reason.data());
  set(handle, CURLOPT_WRITEFUNCTION, take_body);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(handle, CURLOPT_HEADERFUNCTION, take_header);
  set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  if (request.public_only) {
    set(handle, CURLOPT_OPENSOCKETFUNCTION, open_if_public);
    set(handle, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
  }
  if (cancelled) {
    set(handle, CURLOPT_NOPROGRESS, 0L);
    set(handle, CURLOPT_XFERINFOFUNCTION, ask_cancelled);
    set(handle, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  }

  List headers;
  for (const auto& [name, value] : request.headers) append(headers, name + ": " + value);
  append(headers, "Expect:");  // no extra round trip before the body
  Mime mime;
  if (!request.parts.empty()) {
    mime = mime_of(handle, request.parts);
    set(handle, CURLOPT_MIMEPOST, mime.get());
  } else if (request.method != "GET" && request.method != "HEAD" && request.method != "DELETE") {
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }
  if (request.method == "HEAD") set(handle, CURLOPT_NOBODY, 1L);
  set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(handle, CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = curl_easy_perform(handle);
  if (code == CURLE_OK) {
    transfer.response.status = status_of(handle);
    if (const char* address = nullptr; curl_easy_getinfo(handle, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address)
      transfer.response.address = address;
    pool_->give_back(std::move(easy));
    return std::move(transfer.response);
  }
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (code == CURLE_ABORTED_BY_CALLBACK) throw Cancelled();
  const std::string origin = origin_of(request.url.expose());
  if (transfer.refused) throw AddressRefused(origin + " is an address of this machine or of a private network");
  if (transfer.too_large) throw HttpError(origin + " answered more than " + std::to_string(request.max_response) + " bytes");
  const bool through_proxy = code == CURLE_COULDNT_RESOLVE_PROXY ||
                             code == CURLE_PROXY;  // curl's message would contain the proxy's URL, which may hold a password
  const std::string why = through_proxy || !config_.proxy.empty() || reason[0] == '\0' ? curl_easy_strerror(code) : reason.data();
  throw HttpError(origin + ": " + why + (config_.proxy.empty() ? "" : " (through the proxy)"));
}

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &HeaderList::value_type::first);
  return found == headers.end() ? std::string_view{} : found->second;
}

std::string percent_encode(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain || (c == '/' && keep_slashes)) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', kHex[byte >> 4u], kHex[byte & 15u]};
    }
  }
  return result;
}

}  // namespace p2p::http
