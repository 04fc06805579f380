#include "platform/hub/selection.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace p2p::hub {
namespace {

bool is_plain(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name[0] != '.' && std::ranges::all_of(name, allowed);
}

/// The parsed name of a safetensors file: STEM[.fp16].safetensors, one of its shards, or the index of the shards.
struct WeightsName {
  std::string stem;
  bool fp16 = false;
  bool whole = false;  ///< neither shard nor index
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

std::optional<WeightsName> weights_name(std::string_view name) {
  WeightsName result;
  for (const char* stem : {"diffusion_pytorch_model", "model"}) {
    if (result.stem.empty() && take(name, stem)) result.stem = stem;
  }
  result.fp16 = take(name, ".fp16");
  const bool shard = take_shard(name);
  result.fp16 = take(name, ".fp16") || result.fp16;
  if (result.stem.empty() || !take(name, ".safetensors")) return std::nullopt;
  const bool index = take(name, ".index");
  if (index) {
    result.fp16 = take(name, ".fp16") || result.fp16;
    if (!take(name, ".json")) return std::nullopt;
  }
  if (!name.empty()) return std::nullopt;
  result.whole = !shard && !index;
  return result;
}

bool is_pickle(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEnds{".bin", ".ckpt", ".pt", ".pth", ".msgpack"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); });
}

/// Configurations and tokenizers, except weight indexes of other libraries.
bool is_text(std::string_view name) {
  return name.ends_with(".txt") || name.ends_with(".model") || (name.ends_with(".json") && name.find(".index.") == name.npos);
}

/// Adds the required files of the folder `prefix`, which is empty or ends with a slash. False if it has no weights.
bool add_component(const Listing& listing, const std::string& prefix, const Choice& choice, std::vector<RemoteFile>& taken) {
  std::vector<std::pair<WeightsName, const RemoteFile*>> weights;
  std::string pickle;
  for (const RemoteFile& file : listing.files) {
    if (!file.path.starts_with(prefix)) continue;
    const std::string name = file.path.substr(prefix.size());
    if (!is_plain(name)) continue;
    if (const auto parsed = weights_name(name)) {
      weights.emplace_back(*parsed, &file);
    } else if (is_text(name) && file.path != kModelIndex) {
      taken.push_back(file);
    } else if (is_pickle(name)) {
      pickle = name;
    }
  }
  for (const bool fp16 : {choice.fp16, !choice.fp16}) {
    for (const std::string_view stem : {"diffusion_pytorch_model", "model"}) {
      const auto fits = [&](const auto& entry) { return entry.first.fp16 == fp16 && entry.first.stem == stem; };
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
  if (!pickle.empty()) {
    throw Error(listing.repository + " has no safetensors in " + (prefix.empty() ? "its root" : prefix) + ", only " + excerpt(pickle) +
                "; pickles can run code when they are loaded, so they are not taken. Look for a repository of this model with safetensors");
  }
  return false;
}

bool is_wanted_component(const std::string& name, const Json& value, const Choice& choice) {
  const bool is_checker = name == "safety_checker" || name == "feature_extractor";
  const bool is_there = value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string();
  return is_there && is_plain(name) && (choice.safety_checker || !is_checker);
}

}  // namespace

std::vector<RemoteFile> select_files(const Listing& listing, const Json& index, const Choice& choice) {
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
  if (!has_weights) {
    throw Error(listing.repository +
                " is no model in diffusers' layout: it needs model_index.json, or config.json with safetensors beside it");
  }
  return taken;
}

}  // namespace p2p::hub
