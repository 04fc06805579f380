#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace p2p::app {

/// The folder in which `generate` keeps the small networks that OpenVINO compiled, so that the next start takes half the time. OpenVINO
/// reads what stands there without a doubt, so that it is sealed: a file `sums`, as sha256sum writes one, has each file's digest. A folder
/// that cannot be used, or that others may write to, is passed over: nothing but time depends on it.
class NetworkCache {
 public:
  static constexpr std::uintmax_t kMostBytes = 64u << 20;

  /// Makes the folder where it is missing; removes what is not as it was sealed, and of more than `most` bytes the oldest; has the engine
  /// use it. Empty: does nothing.
  explicit NetworkCache(std::filesystem::path folder, std::uintmax_t most = kMostBytes);
  /// Seals what is there now.
  void seal() const;

 private:
  using Sums = std::map<std::string, std::string>;  ///< digests by file name

  bool open() const;
  Sums read_sums() const;
  void tidy(std::uintmax_t most) const;

  std::filesystem::path folder_;  ///< empty: not used
};

/// `setting`, or prompt2pic/networks in the user's folder of caches (XDG_CACHE_HOME, else ~/.cache); empty for "off", or without a home.
std::filesystem::path networks_folder(const std::string& setting);

}  // namespace p2p::app
