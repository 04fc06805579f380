#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/graph/compiled_networks.hpp"

namespace p2p::app {

/// A cache of small compiled networks, which halves the start time of `generate`. Each network is a file NAME.blob, whose last 32 bytes are
/// the SHA-256 of the name and the rest; files that do not match are not loaded. Any number of processes may share a folder: files are
/// created atomically and never changed. Errors are only logged, at level debug.
class NetworkCache : public engine::CompiledNetworks {
 public:
  static constexpr std::uintmax_t kMostBytes = 64u << 20;

  /// Creates the folder, private to this user, if it is missing, and removes the oldest files beyond `most` bytes in total. nullptr for an
  /// empty path and for a folder that cannot be used or that others can write to.
  static std::shared_ptr<NetworkCache> open(const std::filesystem::path& folder, std::uintmax_t most = kMostBytes);

  std::string name_of(const std::function<void(const Sink&)>& write) override;
  bool load(const std::string& name, const std::function<void(const std::shared_ptr<std::string>& bytes)>& read) override;
  void save(const std::string& name, const std::function<std::string()>& bytes) override;

 private:
  NetworkCache(std::filesystem::path folder, std::uintmax_t most) : folder_(std::move(folder)), most_(most) {}
  std::filesystem::path file(const std::string& name) const { return folder_ / (name + ".blob"); }

  std::filesystem::path folder_;
  std::uintmax_t most_;
};

/// `setting`, or prompt2pic/networks in the user's cache folder (XDG_CACHE_HOME, or ~/.cache); empty for "off", or without a home.
std::filesystem::path networks_folder(const std::string& setting);

}  // namespace p2p::app
