#include "platform/hub/one_file.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"

namespace p2p::hub {
namespace {

struct Format {
  std::string_view ending;
  std::string_view sentence;
};

constexpr std::string_view kPickles = "pickles can run code when they are loaded, so they are not taken";
constexpr std::string_view kOpenVino = "it is converted to OpenVINO, and prompt2pic converts safetensors itself";

constexpr std::array<Format, 9> kFormats{{{".ckpt", kPickles},
                                          {".bin", kPickles},
                                          {".pt", kPickles},
                                          {".pth", kPickles},
                                          {".xml", kOpenVino},
                                          {".msgpack", "it is a model for Flax, which is not read"},
                                          {".onnx", "ONNX models are not read"},
                                          {".gguf", "GGUF files are not read"},
                                          {".h5", "it is a model for TensorFlow, which is not read"}}};

bool is_safetensors(const std::string& path) { return to_lower(path).ends_with(".safetensors"); }

/// Whether OpenVINO's description of the network lies beside the weights.
bool has_network(const Listing& listing, std::string_view weights) {
  const std::string network = std::string(weights.substr(0, weights.size() - std::string_view(".bin").size())) + ".xml";
  return std::ranges::find(listing.files, network, &RemoteFile::path) != listing.files.end();
}

/// Files whose names continue those of others, or that the user cannot mean.
bool is_part(std::string_view name) { return name.starts_with('.') || name.contains("-of-0"); }

std::string names_of(const std::vector<const RemoteFile*>& files) {
  constexpr std::size_t kMost = 12;
  std::string names;
  for (std::size_t i = 0; i < std::min(files.size(), kMost); ++i) names += (i > 0 ? ", " : "") + excerpt(files[i]->path);
  return names + (files.size() > kMost ? " and " + std::to_string(files.size() - kMost) + " more" : "");
}

}  // namespace

RemoteFile named_file(const Listing& listing, const std::string& path) {
  const auto found = std::ranges::find(listing.files, path, &RemoteFile::path);
  if (found != listing.files.end() && is_safetensors(path)) return *found;
  if (found != listing.files.end())
    throw UsageError(listing.repository + ": " + excerpt(path) +
                     " is no .safetensors file; only those are taken, since others can run code");
  std::vector<const RemoteFile*> others;
  for (const RemoteFile& file : listing.files) {
    if (is_safetensors(file.path)) others.push_back(&file);
  }
  throw UsageError(listing.repository + " has no file " + excerpt(path) + "; its safetensors are " +
                   (others.empty() ? "none" : names_of(others)));
}

RemoteFile only_file(const Listing& listing) {
  std::vector<const RemoteFile*> files;
  for (const RemoteFile& file : listing.files) {
    if (!file.path.contains('/') && is_safetensors(file.path) && !is_part(file.path)) files.push_back(&file);
  }
  if (files.size() == 1) return *files.front();
  if (files.size() > 1)
    throw UsageError(listing.repository + " has several files: " + names_of(files) + "; name one with --file, such as --file " +
                     excerpt(files.front()->path));
  if (const std::string other = other_format(listing, ""); !other.empty())
    throw Error(listing.repository + " has no safetensors in its root, " + other);
  throw Error(
      listing.repository +
      " is no model in diffusers' layout: it needs model_index.json, or config.json with safetensors beside it, or one .safetensors file");
}

std::string other_format(const Listing& listing, const std::string& prefix) {
  for (const Format& format : kFormats) {
    for (const RemoteFile& file : listing.files) {
      if (!file.path.starts_with(prefix) || file.path.find('/', prefix.size()) != std::string::npos) continue;
      const std::string name = to_lower(file.path);
      if (!name.ends_with(format.ending) || (format.ending == ".bin" && has_network(listing, file.path))) continue;
      return "only " + excerpt(file.path.substr(prefix.size())) + "; " + std::string(format.sentence) +
             ". Look for a repository of this model with safetensors";
    }
  }
  return {};
}

}  // namespace p2p::hub
