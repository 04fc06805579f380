#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {

struct Choice {
  std::string variant;          ///< of the weights, such as fp16, if there is one; else the plain ones, else any
  bool safety_checker = false;  ///< include the components safety_checker and feature_extractor
};

struct Selection {
  std::vector<RemoteFile> files;
  bool is_one_file = false;  ///< a checkpoint or a LoRA, not a folder of a model
};

inline constexpr const char* kModelIndex = "model_index.json";

/// The files of `listing` that a diffusers model needs: licence, model_index.json, and for each component in it the configuration,
/// tokenizer and safetensors of one variant, in diffusers' order of preference. `index` is model_index.json, or null if the listing has
/// none: then the repository is a single component, such as a VAE, at its root, or one file there. Never selects pickles or code. Throws
/// Error that starts with the repository's name if no model could be loaded, UsageError if it has several files.
Selection select_files(const Listing& listing, const Json& index, const Choice& choice);

}  // namespace p2p::hub
