#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "platform/hub/hub.hpp"

namespace p2p::hub {

/// What whoever waits is told meanwhile.
struct Watcher {
  std::function<void(std::uint64_t bytes)> progress;     ///< so much of the file is here
  std::function<void(const std::string& note)> trouble;  ///< what went wrong and is tried again
};

/// Calls `attempt` until it returns. After HubUnavailable again, pausing 0.5 s, then twice as long each time; the fifth in a row without
/// 1 MB more of `done` is thrown on.
void with_patience(const Hub& hub, const Watcher& watcher, const std::function<void()>& attempt,
                   const std::function<std::uint64_t()>& done);

/// A file of at most 1 MB as text, its hash checked.
std::string fetch_text(Hub& hub, const Listing& of, const RemoteFile& file, const Watcher& watcher);

/// Brings `path` to hold the file, its hash checked and the bytes on the disk. Goes on from what is there. Wrong bytes are deleted and
/// fetched anew, once.
void fetch_file(Hub& hub, const Listing& of, const RemoteFile& file, const std::filesystem::path& path, const Watcher& watcher);

}  // namespace p2p::hub
