#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/graph/compiled_networks.hpp"

namespace p2p::app {

/// Keeps the small networks that `generate` compiles, so that the next start takes half the time: a file each, NAME.blob, whose last 32
/// bytes are the sha256 of the name and the rest. What does not match is never loaded. Any number of processes may use one folder: files
/// are put in place whole and never changed. Nothing but time depends on it; trouble goes to the log, at level debug.
class NetworkCache : public engine::CompiledNetworks {
 public:
  static constexpr std::uintmax_t kMostBytes = 64u << 20;

  /// Creates the folder, for this user alone, where it is missing; removes the oldest files of more than `most` bytes. Null for an empty
  /// path and for a folder that cannot be used or that others may write to.
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

/// `setting`, or prompt2pic/networks in the user's folder of caches (XDG_CACHE_HOME, else ~/.cache); empty for "off", or without a home.
std::filesystem::path networks_folder(const std::string& setting);

}  // namespace p2p::app
