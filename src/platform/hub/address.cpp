#include "platform/hub/address.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {
namespace {

/// Removes the prefix `word`, if present, regardless of case.
bool take_word(std::string_view& text, std::string_view word) {
  if (to_lower(text.substr(0, word.size())) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

std::string_view without_scheme(std::string_view url) {
  if (!take_word(url, "https://")) take_word(url, "http://");
  return url;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    result += is_escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (is_escape) i += 2;
  }
  return result;
}

/// The parts between slashes, decoded, without empty ones.
std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  path = path.substr(0, path.find_first_of("?#"));
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.push_back(percent_decoded(path.substr(0, end)));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts, std::size_t from) {
  std::string path;
  for (std::size_t i = from; i < parts.size(); ++i) path += (path.empty() ? "" : "/") + parts[i];
  return path;
}

/// The host of an address without scheme.
std::string_view host_of(std::string_view address) { return address.substr(0, address.find_first_of("/:?#")); }

/// Removes the hub's host, and what separates it from the path. False if another text is there.
bool take_host(std::string_view& address, std::string_view hub_url) {
  for (const std::string_view host :
       {without_scheme(hub_url), std::string_view("www.huggingface.co"), std::string_view("huggingface.co"), std::string_view("hf.co")}) {
    std::string_view path = address;
    if (!take_word(path, to_lower(host)) || !(path.empty() || std::string_view("/:?#").contains(path[0]))) continue;
    path.remove_prefix(path.empty() ? 0 : 1);
    address = path;
    return true;
  }
  return false;
}

[[noreturn]] void fail(std::string_view text, const std::string& problem) { throw UsageError("'" + std::string(text) + "' " + problem); }

/// The part of the path behind OWNER/NAME.
void read_page(const std::vector<std::string>& parts, std::string_view text, Address& address) {
  if (parts.size() < 3) return;
  const std::string& page = parts[2];
  if (parts.size() > 3) address.revision = parts[3];
  if (page == "blob" || page == "resolve" || page == "raw") {
    if (parts.size() < 5) fail(text, "names no file");
    address.file = joined(parts, 4);
  } else if (page == "tree" || page == "commit" || page == "commits" || page == "revision") {
    if (parts.size() > 4) fail(text, "is a folder; pull takes a repository or one file: " + address.repository);
  } else {
    fail(text, "is not a page of files; give the repository: " + address.repository);
  }
}

}  // namespace

Address parse_address(std::string_view given, std::string_view hub_url) {
  const std::string_view text = trimmed(given);
  std::string_view rest = without_scheme(text);
  const bool is_hf = take_word(rest, "hf://");
  const bool is_git = take_word(rest, "git@") || take_word(rest, "ssh://git@");
  const bool is_at_hub = is_hf || take_host(rest, hub_url);
  const bool names_a_host = rest.size() != text.size() || is_git;
  std::vector<std::string> parts = parts_of(rest);
  const bool looks_like_a_host =
      parts.size() > 2 && host_of(rest).contains('.') && parts[2] != "blob" && parts[2] != "tree" && parts[2] != "resolve";
  if (!is_at_hub && (names_a_host || looks_like_a_host))
    fail(text, "is at " + std::string(host_of(rest)) + ", not at the hub " + std::string(hub_url) +
                   " (setting hub_url); download the file yourself and put it into P2P_MODELS_DIR, a LoRA into P2P_LORAS_DIR");
  if (parts.size() > 1 && parts[0] == "api") parts.erase(parts.begin());
  if (!parts.empty() && (parts[0] == "datasets" || parts[0] == "spaces") && is_at_hub)
    fail(text, "is a " + parts[0].substr(0, parts[0].size() - 1) + ", not a model");
  if (parts.size() > 1 && parts[0] == "models" && is_at_hub) parts.erase(parts.begin());
  if (parts.size() < 2) fail(text, "names no repository; it takes OWNER/NAME, or the address of its page");

  Address address{.repository = parts[0] + "/" + parts[1], .revision = {}, .file = {}};
  if (const std::size_t at = address.repository.find('@'); is_hf && at != std::string::npos) {
    address.revision = address.repository.substr(at + 1);
    address.repository.resize(at);
  }
  if (address.repository.ends_with(".git")) address.repository.resize(address.repository.size() - 4);
  if (!is_repository(address.repository)) fail(text, "names no repository; it takes OWNER/NAME, or the address of its page");
  if (is_hf)
    address.file = joined(parts, 2);
  else
    read_page(parts, text, address);
  if (!address.file.empty() && !is_safe_path(address.file)) fail(text, "names a file that could lead out of a folder");
  return address;
}

bool is_address(std::string_view text) { return text.contains('/') || text.starts_with("git@"); }

}  // namespace p2p::hub
