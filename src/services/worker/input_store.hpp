#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/error.hpp"
#include "platform/blob/blob_store.hpp"

namespace p2p::worker {

/// The store does not have the picture to begin with. The message names it.
class InputMissing : public Error {
 public:
  using Error::Error;
};

/// The object `key`. Retries for `patience` if the store does not answer. Throws InputMissing, Cancelled when `stop` is requested between
/// two attempts, and Error if the store does not give it.
std::string fetch_input(blob::BlobStore& store, const std::string& key, std::chrono::milliseconds patience, const std::stop_token& stop);

}  // namespace p2p::worker
