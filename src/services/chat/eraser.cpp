#include "services/chat/eraser.hpp"

#include "base/log.hpp"

namespace p2p::chat {

void Eraser::tick() {
  constexpr int kAtOnce = 20;
  if (is_busy_ || loop_.now() < not_before_) return;
  std::vector<std::string> keys;
  if (!work_.try_read([&](ChatStore& store) { keys = store.erasures().first(kAtOnce); }) || keys.empty()) return;
  is_busy_ = true;
  thread_.run([this, keys] { erase(keys); });
}

void Eraser::erase(const std::vector<std::string>& keys) {
  std::vector<std::string> erased;
  bool failed = false;
  try {
    for (const std::string& key : keys) {
      store_.remove(key);
      erased.push_back(key);
    }
  } catch (const blob::BlobError& error) {
    log::warn("a picture was not deleted; trying again", {{"error", error.what()}});
    failed = true;
  }
  loop_.post([this, erased, failed] {
    is_busy_ = false;
    if (failed) not_before_ = loop_.now() + std::chrono::seconds(30);
    for (const std::string& key : erased) work_.write([key](ChatStore& store) { store.erasures().remove(key); });
  });
}

}  // namespace p2p::chat
