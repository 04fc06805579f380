#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace p2p::app {

/// What of a file is hashed.
enum class HashedPart {
  all,      ///< as AUTOMATIC1111's "Model hash", of which it shows the first ten digits
  tensors,  ///< of a safetensors file what follows its header, as in "Lora hashes", which has the first twelve digits
};

/// The SHA-256 in hexadecimal digits of that part of the file. `cache` is a JSON file that keeps the hashes of files by path, size and time
/// of change; it is read and written, and trouble with it is no error; empty: none. Nothing if the file cannot be read, or after a stop.
std::optional<std::string> file_hash(const std::filesystem::path& file, HashedPart part, const std::filesystem::path& cache,
                                     const std::stop_token& stop = {});

/// A file's hash, computed on another thread of the lowest priority, which the destructor stops.
class BackgroundHash {
 public:
  BackgroundHash(const std::filesystem::path& file, HashedPart part, const std::filesystem::path& cache);

  /// The hash if it is known by now.
  std::optional<std::string> get() const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> hash_;  ///< guarded by mutex_
  std::jthread thread_;
};

}  // namespace p2p::app
