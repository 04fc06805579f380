#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/chat/presenter/active_request.hpp"

namespace p2p::chat {

/// The requests that are not settled, and which of them to look at next. For the event loop's thread.
class ActiveRequests {
 public:
  using Map = std::map<std::string, ActiveRequest>;  ///< by id

  ActiveRequest& add(ChatRequest request);
  /// nullptr where there is none.
  ActiveRequest* find(const std::string& id);
  const ActiveRequest* find(const std::string& id) const;
  void erase(const std::string& id) { map_.erase(id); }
  std::size_t size() const { return map_.size(); }
  Map::iterator begin() { return map_.begin(); }
  Map::iterator end() { return map_.end(); }
  Map::const_iterator begin() const { return map_.begin(); }
  Map::const_iterator end() const { return map_.end(); }

  /// What the chat shows of the request may have to change.
  void mark_dirty(const std::string& id) { dirty_.insert(id); }
  /// The same, from `at` on.
  void mark_dirty_at(const std::string& id, Time at) { due_.emplace(at, id); }
  void mark_all_dirty();
  /// Those that are dirty at `now`; they are clean then.
  std::vector<ActiveRequest*> take_dirty(Time now);
  /// When the next one becomes dirty.
  std::optional<Time> next_due() const;

 private:
  Map map_;
  std::set<std::string> dirty_;
  std::multimap<Time, std::string> due_;
};

}  // namespace p2p::chat
