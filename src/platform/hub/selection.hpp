#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {

struct Choice {
  bool fp16 = false;            ///< prefer fp16 weights to full ones; false: the other way round
  bool safety_checker = false;  ///< include the components safety_checker and feature_extractor
};

inline constexpr const char* kModelIndex = "model_index.json";

/// The files of `listing` that a diffusers model needs: licence, model_index.json, and for each component in it the configuration,
/// tokenizer and safetensors of one variant, in diffusers' order of preference. `index` is model_index.json, or null if the listing has
/// none: then the repository is a single component, such as a VAE, at its root. Never selects pickles or code. Throws Error that starts
/// with the repository's name if no model could be loaded.
std::vector<RemoteFile> select_files(const Listing& listing, const Json& index, const Choice& choice);

}  // namespace p2p::hub
