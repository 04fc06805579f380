#pragma once

#include <string>

#include "platform/hub/listing.hpp"

namespace p2p::hub {

/// The file `path` of the listing, which must be safetensors. Throws UsageError that says what the repository has instead.
RemoteFile named_file(const Listing& listing, const std::string& path);

/// The only safetensors file in the root of a repository that is neither a model in diffusers' layout nor a component, such as a checkpoint
/// or a LoRA. Throws UsageError with the names if there are several, Error that names the formats that it found if there is none.
RemoteFile only_file(const Listing& listing);

/// What a folder without safetensors holds instead and what to do, such as "only model.bin; pickles can run code ...". `prefix` is empty or
/// ends with a slash. Empty if nothing in it is known.
std::string other_format(const Listing& listing, const std::string& prefix);

}  // namespace p2p::hub
