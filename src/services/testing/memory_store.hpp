#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "platform/blob/blob_store.hpp"

namespace p2p::testing {

/// An in-memory store with failures on demand. Thread-safe; changes call notify_changed().
class MemoryStore : public blob::BlobStore {
 public:
  void put(const std::string& key, std::string_view bytes, std::string_view content_type) override;
  std::string get(const std::string& key) override;
  void remove(const std::string& key) override;
  std::optional<std::string> link(const std::string& key, Time expires) const override;
  std::chrono::seconds longest_link() const override { return std::chrono::days(7); }
  void remove_before(std::chrono::sys_days day) override { removed_before = day; }

  std::map<std::string, std::string> objects();

  std::atomic<int> failures = 0;  ///< number of calls that will fail
  std::atomic<blob::BlobError::Kind> kind = blob::BlobError::Kind::unavailable;
  std::atomic<bool> has_links = true;
  std::atomic<int> puts = 0;
  std::atomic<std::chrono::sys_days> removed_before{};

 private:
  void maybe_fail();
  std::mutex mutex_;
  std::map<std::string, std::string> objects_;
};

}  // namespace p2p::testing
