#include "app/picture_cleaner.hpp"

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::app {

PictureCleaner::PictureCleaner(blob::BlobStore& store, std::optional<int> keep_days) {
  if (!keep_days) return;
  thread_ = std::jthread([&store, days = std::chrono::days(*keep_days)](const std::stop_token& stop) {
    do {
      try {
        store.remove_before(std::chrono::floor<std::chrono::days>(now()) - days);
      } catch (const blob::BlobError& error) {
        log::warn("old pictures could not be deleted", {{"error", error.what()}});
      }
    } while (pause(std::chrono::hours(1), stop));
  });
}

}  // namespace p2p::app
