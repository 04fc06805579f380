#include "platform/http/redirect.hpp"

#include <curl/curl.h>

#include <memory>
#include <new>

#include "base/text.hpp"

namespace p2p::http {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

Url new_url() {
  Url url(curl_url());
  if (!url) throw std::bad_alloc();
  return url;
}

/// Empty if there is none.
std::string part(const Url& url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

std::string origin(const std::string& address) {
  const Url url = new_url();
  if (curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK) return {};
  return to_lower(part(url, CURLUPART_SCHEME) + "://" + part(url, CURLUPART_HOST) + ":" + part(url, CURLUPART_PORT));
}

}  // namespace

std::optional<std::string> redirect_target(const std::string& url, const std::string& location) {
  const Url target = new_url();
  if (location.empty() || curl_url_set(target.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return std::nullopt;
  const bool was_safe = part(target, CURLUPART_SCHEME) == "https";
  if (curl_url_set(target.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK) return std::nullopt;
  const std::string scheme = part(target, CURLUPART_SCHEME);
  if ((scheme != "https" && (was_safe || scheme != "http")) || !part(target, CURLUPART_USER).empty()) return std::nullopt;
  char* text = nullptr;
  if (curl_url_get(target.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

bool same_origin(const std::string& a, const std::string& b) {
  const std::string of_a = origin(a);
  return !of_a.empty() && of_a == origin(b);
}

}  // namespace p2p::http
