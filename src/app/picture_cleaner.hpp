#pragma once

#include <optional>
#include <thread>

#include "platform/blob/blob_store.hpp"

namespace p2p::app {

/// Deletes pictures that are older than `keep_days`, every hour on a thread of its own. Does nothing without `keep_days`.
class PictureCleaner {
 public:
  /// Keeps the reference.
  PictureCleaner(blob::BlobStore& store, std::optional<int> keep_days);

 private:
  std::jthread thread_;
};

}  // namespace p2p::app
