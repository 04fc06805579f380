#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "platform/hub/hub.hpp"

namespace p2p::hub {

/// Callbacks for progress reports.
struct Watcher {
  std::function<void(std::uint64_t bytes)> progress;       ///< bytes of the file so far
  std::function<void(const std::string& note)> trouble;    ///< an error that is being retried
  std::function<void(std::chrono::seconds left)> waiting;  ///< every second while the hub's wait lasts
};

/// Calls `attempt` until it returns. After HubUnavailable it retries, pausing as long as the hub asks, else 0.5 s, then twice as long each
/// time. Rethrows HubUnavailable the fifth time in a row, or the twentieth time if the hub asked to wait, during which `done` has grown by
/// less than 1 MB; and at once if the hub asks to wait longer than 15 minutes.
void with_patience(const Hub& hub, const Watcher& watcher, const std::function<void()>& attempt,
                   const std::function<std::uint64_t()>& done);

/// Downloads a file of at most 1 MB as text and verifies its hash.
std::string fetch_text(Hub& hub, const Listing& of, const RemoteFile& file, const Watcher& watcher);

/// Downloads the first `bytes` bytes of the file, fewer if it has fewer. They are not verified.
std::string fetch_start(Hub& hub, const Listing& of, const RemoteFile& file, std::uint64_t bytes, const Watcher& watcher);

/// Downloads the file to `path`, resuming from existing content, verifies its hash and syncs it to disk. If the hash is wrong, deletes the
/// content and downloads again, once.
void fetch_file(Hub& hub, const Listing& of, const RemoteFile& file, const std::filesystem::path& path, const Watcher& watcher);

}  // namespace p2p::hub
