#include "platform/hub/listing.hpp"

#include <algorithm>
#include <set>

#include "base/json.hpp"

namespace p2p::hub {
namespace {

constexpr std::size_t kMaxFiles = 10'000;
constexpr std::size_t kMaxPath = 400;
constexpr std::size_t kMaxLicence = 100;
constexpr std::uint64_t kMaxSize = 1ull << 50;

bool is_hex(std::string_view text, std::size_t length) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == length && std::ranges::all_of(text, digit);
}

/// The member as text; empty if it is not text.
std::string text_of(const Json& object, const char* key) {
  const auto member = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::string hash_of(const Json& object, const char* key, std::size_t length) {
  std::string hash = text_of(object, key);
  return is_hex(hash, length) ? hash : std::string();
}

/// The licence in the card, or its own name for a licence of type "other". Only plain text, because it is shown on terminals.
std::string licence_of(const Json& listing) {
  const auto card = listing.find("cardData");
  if (card == listing.end()) return {};
  std::string licence = text_of(*card, "license");
  if (const std::string own = text_of(*card, "license_name"); !own.empty()) licence = own;
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return licence.size() <= kMaxLicence && std::ranges::all_of(licence, printable) ? licence : std::string();
}

}  // namespace

bool is_repository(std::string_view name) {
  constexpr std::size_t kMaxName = 96;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  const auto good = [&](std::string_view part) {
    return !part.empty() && part.size() <= kMaxName && part[0] != '.' && std::ranges::all_of(part, allowed);
  };
  const std::size_t slash = name.find('/');
  return slash != name.npos && good(name.substr(0, slash)) && good(name.substr(slash + 1));
}

bool is_safe_path(std::string_view path) {
  const auto forbidden = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f || c == '\\'; };
  if (path.size() > kMaxPath || std::ranges::any_of(path, forbidden)) return false;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const std::string_view component = path.substr(from, end - from);
    if (component.empty() || component == "." || component == "..") return false;
    from = end + 1;
  }
  return true;
}

Listing read_listing(std::string_view text, std::string_view name) {
  const Json json = parse_json(text, name, {.values = 20 * kMaxFiles});
  const auto fail = [&](const std::string& problem) { throw Error(std::string(name) + ": " + problem); };
  if (!json.is_object() || !json.contains("siblings") || !json["siblings"].is_array()) fail("no list of a repository's files");
  const Json& siblings = json["siblings"];
  if (siblings.size() > kMaxFiles) fail("lists more than " + std::to_string(kMaxFiles) + " files");

  Listing listing{.repository = text_of(json, "id"), .commit = hash_of(json, "sha", 40), .licence = licence_of(json), .files = {}};
  if (listing.commit.empty()) fail("names no commit");
  std::set<std::string, std::less<>> seen;
  for (const Json& sibling : siblings) {
    RemoteFile file{.path = text_of(sibling, "rfilename"), .git_blob = hash_of(sibling, "blobId", 40)};
    if (!is_safe_path(file.path)) fail("lists the file " + excerpt(file.path) + ", whose name could lead out of the model's folder");
    if (!seen.insert(file.path).second) fail("lists the file " + excerpt(file.path) + " twice");
    const auto lfs = sibling.find("lfs");
    const bool in_lfs = lfs != sibling.end() && lfs->is_object();
    if (in_lfs) file.sha256 = hash_of(*lfs, "sha256", 64);
    if (in_lfs ? file.sha256.empty() : file.git_blob.empty()) continue;
    const auto size = sibling.find("size");
    if (size == sibling.end() || !size->is_number_unsigned()) continue;
    file.size = size->get<std::uint64_t>();
    if (file.size > kMaxSize) fail("says that " + excerpt(file.path) + " has " + std::to_string(file.size) + " bytes");
    listing.files.push_back(std::move(file));
  }
  return listing;
}

std::string write_listing(const Listing& listing) {
  Json siblings = Json::array();
  for (const RemoteFile& file : listing.files) {
    Json sibling{{"rfilename", file.path}, {"size", file.size}, {"blobId", file.git_blob}};
    if (!file.sha256.empty()) sibling["lfs"] = {{"sha256", file.sha256}};
    siblings.push_back(std::move(sibling));
  }
  const Json json{
      {"id", listing.repository}, {"sha", listing.commit}, {"cardData", {{"license", listing.licence}}}, {"siblings", siblings}};
  return json.dump(1) + "\n";
}

}  // namespace p2p::hub
