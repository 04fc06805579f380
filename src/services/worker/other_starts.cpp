#include "services/worker/other_starts.hpp"

namespace p2p::worker {
namespace {

constexpr std::chrono::minutes kSilence{1};  ///< then the copy is drawn, as nothing may be lost

}  // namespace

void OtherStarts::started(const std::string& id, int dispatch) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(starts_, [this](const auto& item) { return is_silent(item.second); });
  starts_[id] = {dispatch, clock_()};
}

void OtherStarts::heard_of(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = starts_.find(id); found != starts_.end()) found->second.heard = clock_();
}

void OtherStarts::ended(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  starts_.erase(id);
}

bool OtherStarts::has(const std::string& id, int dispatch) const {
  const std::scoped_lock lock(mutex_);
  const auto found = starts_.find(id);
  return found != starts_.end() && found->second.dispatch == dispatch && !is_silent(found->second);
}

bool OtherStarts::is_silent(const Start& start) const { return clock_() - start.heard > kSilence; }

}  // namespace p2p::worker
