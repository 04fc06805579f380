#include "services/worker/input_store.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::worker {

std::string fetch_input(blob::BlobStore& store, const std::string& key, std::chrono::milliseconds patience, const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kLongestPause{5'000};
  const auto until = std::chrono::steady_clock::now() + patience;
  for (std::chrono::milliseconds wait{200};; wait = std::min(wait * 2, kLongestPause)) {
    try {
      return store.get(key);
    } catch (const blob::BlobError& error) {
      if (error.kind() == blob::BlobError::Kind::missing) throw InputMissing("the picture to begin with, " + key + ", is not in the store");
      const bool may_pass = error.kind() == blob::BlobError::Kind::unavailable;
      if (!may_pass || std::chrono::steady_clock::now() >= until)
        throw Error("the picture to begin with cannot be read: " + std::string(error.what()));
      log::warn("a picture to begin with cannot be read", {{"key", key}, {"error", error.what()}});
    }
    if (!pause(std::min(wait, patience), stop)) throw Cancelled();
  }
}

}  // namespace p2p::worker
