#pragma once

#include <memory>

#include "platform/blob/blob_store.hpp"
#include "platform/metrics/metrics.hpp"

namespace p2p::app {

/// The store, with its calls counted as prompt2pic_store_calls_total{operation,result} and measured as prompt2pic_store_seconds{operation}.
/// Keeps the reference.
std::unique_ptr<blob::BlobStore> measured(std::unique_ptr<blob::BlobStore> store, Metrics& metrics);

}  // namespace p2p::app
