#pragma once

#include <filesystem>

namespace p2p::engine {

/// Small networks that are compiled from now on are kept in `folder`, and taken from there by later processes: in half the time. It is
/// OpenVINO's model cache, which knows a network by all of its graph, weights and options, and trusts the files' content: the folder has to
/// be this user's alone. Not thread-safe.
void keep_networks_in(const std::filesystem::path& folder);

}  // namespace p2p::engine
