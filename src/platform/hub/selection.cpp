#include "platform/hub/selection.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "platform/hub/one_file.hpp"

namespace p2p::hub {
namespace {

bool is_plain(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name[0] != '.' && std::ranges::all_of(name, allowed);
}

/// The parsed name of a safetensors file: STEM[.VARIANT].safetensors, one of its shards, or the index of the shards.
struct WeightsName {
  std::string stem;
  std::string variant;  ///< such as fp16; empty: the plain weights
  bool whole = false;   ///< neither shard nor index
};

/// Removes the prefix `word`, if present.
bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// The same for a shard number such as -00001-of-00002.
bool take_shard(std::string_view& text) {
  constexpr std::string_view kLike = "-00000-of-00000";
  const auto fits = [](char found, char like) { return like == '0' ? found >= '0' && found <= '9' : found == like; };
  if (text.size() < kLike.size() || !std::ranges::equal(text.substr(0, kLike.size()), kLike, fits)) return false;
  text.remove_prefix(kLike.size());
  return true;
}

/// Removes .VARIANT where another part of the name follows it.
void take_variant(std::string_view& text, std::string& variant) {
  if (!text.starts_with('.') || text.starts_with(".safetensors") || text.starts_with(".index.") || text == ".json") return;
  const std::string_view word = text.substr(1, std::min(text.find_first_of(".-", 1), text.size()) - 1);
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (word.empty() || word.size() > 20 || !std::ranges::all_of(word, allowed)) return;
  variant = word;
  text.remove_prefix(word.size() + 1);
}

std::optional<WeightsName> weights_name(std::string_view name) {
  WeightsName result;
  for (const char* stem : {"diffusion_pytorch_model", "model"}) {
    if (result.stem.empty() && take(name, stem)) result.stem = stem;
  }
  take_variant(name, result.variant);
  const bool shard = take_shard(name);
  take_variant(name, result.variant);
  if (result.stem.empty() || !take(name, ".safetensors")) return std::nullopt;
  const bool index = take(name, ".index");
  if (index) {
    take_variant(name, result.variant);
    if (!take(name, ".json")) return std::nullopt;
  }
  if (!name.empty()) return std::nullopt;
  result.whole = !shard && !index;
  return result;
}

/// The variants in the order in which they are looked for.
std::vector<std::string> variants(const std::string& wanted) {
  std::vector<std::string> order{wanted};
  for (const char* variant : {"", "fp16", "bf16", "fp32", "ema", "non_ema"}) {
    if (variant != wanted) order.emplace_back(variant);
  }
  return order;
}

/// Configurations and tokenizers, except weight indexes of other libraries.
bool is_text(std::string_view name) {
  return name.ends_with(".txt") || name.ends_with(".model") || (name.ends_with(".json") && name.find(".index.") == name.npos);
}

/// Adds the required files of the folder `prefix`, which is empty or ends with a slash. False if it has no weights.
bool add_component(const Listing& listing, const std::string& prefix, const Choice& choice, std::vector<RemoteFile>& taken) {
  std::vector<std::pair<WeightsName, const RemoteFile*>> weights;
  for (const RemoteFile& file : listing.files) {
    if (!file.path.starts_with(prefix)) continue;
    const std::string name = file.path.substr(prefix.size());
    if (!is_plain(name)) continue;
    if (const auto parsed = weights_name(name)) {
      weights.emplace_back(*parsed, &file);
    } else if (is_text(name) && file.path != kModelIndex) {
      taken.push_back(file);
    }
  }
  for (const std::string& variant : variants(choice.variant)) {
    for (const std::string_view stem : {"diffusion_pytorch_model", "model"}) {
      const auto fits = [&](const auto& entry) { return entry.first.variant == variant && entry.first.stem == stem; };
      const auto whole = std::ranges::find_if(weights, [&](const auto& entry) { return fits(entry) && entry.first.whole; });
      if (whole != weights.end()) {
        taken.push_back(*whole->second);
        return true;
      }
      const std::size_t before = taken.size();
      for (const auto& entry : weights) {
        if (fits(entry)) taken.push_back(*entry.second);
      }
      if (taken.size() > before) return true;
    }
  }
  if (const std::string other = other_format(listing, prefix); !other.empty())
    throw Error(listing.repository + " has no safetensors in " + (prefix.empty() ? "its root" : prefix) + ", " + other);
  return false;
}

bool is_wanted_component(const std::string& name, const Json& value, const Choice& choice) {
  const bool is_checker = name == "safety_checker" || name == "feature_extractor";
  const bool is_there = value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string();
  return is_there && is_plain(name) && (choice.safety_checker || !is_checker);
}

}  // namespace

Selection select_files(const Listing& listing, const Json& index, const Choice& choice) {
  std::vector<RemoteFile> taken;
  const auto add_root = [&](std::string_view name) {
    const auto found = std::ranges::find(listing.files, name, &RemoteFile::path);
    if (found != listing.files.end()) taken.push_back(*found);
  };
  for (const char* name : {"LICENSE", "LICENSE.md", "LICENSE.txt"}) add_root(name);
  bool has_weights = false;
  if (index.is_null()) {
    const bool has_config = std::ranges::find(listing.files, "config.json", &RemoteFile::path) != listing.files.end();
    has_weights = has_config && add_component(listing, "", choice, taken);
    // The licence in the root has already been added.
    std::ranges::sort(taken, {}, &RemoteFile::path);
    const auto doubles = std::ranges::unique(taken, {}, &RemoteFile::path);
    taken.erase(doubles.begin(), doubles.end());
  } else {
    add_root(kModelIndex);
    if (!index.is_object()) throw Error(listing.repository + ": model_index.json is no JSON object");
    for (const auto& [name, value] : index.items()) {
      if (!is_wanted_component(name, value, choice)) continue;
      const std::size_t before = taken.size();
      has_weights = add_component(listing, name + "/", choice, taken) || has_weights;
      if (taken.size() == before) throw Error(listing.repository + " lacks the component " + name + " that its model_index.json names");
    }
  }
  if (has_weights) return {.files = std::move(taken)};
  if (index.is_null()) return {.files = {only_file(listing)}, .is_one_file = true};
  throw Error(listing.repository + " has no weights for the components that its model_index.json names");
}

}  // namespace p2p::hub
