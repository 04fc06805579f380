#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {

struct Choice {
  bool fp16 = false;            ///< the fp16 weights of every component that has some, else its plain ones; false: the other way round
  bool safety_checker = false;  ///< with the components safety_checker and feature_extractor
};

inline constexpr const char* kModelIndex = "model_index.json";

/// The files of `listing` that a diffusers model is drawn with: licence, model_index.json, and for each component that this names its
/// configuration, tokenizer and safetensors of one variant, in the order in which diffusers looks for them. `index` is model_index.json;
/// null where the listing has none: then the repository is one component, such as a VAE, at its root. Never pickles or code. Throws Error
/// that starts with the repository's name where nothing could be loaded from it.
std::vector<RemoteFile> select_files(const Listing& listing, const Json& index, const Choice& choice);

}  // namespace p2p::hub
