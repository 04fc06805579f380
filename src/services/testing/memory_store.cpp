#include "services/testing/memory_store.hpp"

#include "services/testing/eventually.hpp"

namespace p2p::testing {

using blob::BlobError;

void MemoryStore::maybe_fail() {
  const bool fails = failures > 0;
  if (fails) --failures;
  notify_changed();
  if (fails) throw BlobError(kind, "the store fails on demand");
}

void MemoryStore::put(const std::string& key, std::string_view bytes, std::string_view) {
  maybe_fail();
  const std::scoped_lock lock(mutex_);
  ++puts;
  objects_[key] = bytes;
  notify_changed();
}

std::string MemoryStore::get(const std::string& key) {
  maybe_fail();
  const std::scoped_lock lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) throw BlobError(BlobError::Kind::missing, key);
  return found->second;
}

void MemoryStore::remove(const std::string& key) {
  maybe_fail();
  const std::scoped_lock lock(mutex_);
  objects_.erase(key);
  notify_changed();
}

std::optional<std::string> MemoryStore::link(const std::string& key, Time expires) const {
  if (!has_links) return std::nullopt;
  return "https://pictures.example.org/" + key + "?until=" + std::to_string(to_millis(expires));
}

std::map<std::string, std::string> MemoryStore::objects() {
  const std::scoped_lock lock(mutex_);
  return objects_;
}

}  // namespace p2p::testing
