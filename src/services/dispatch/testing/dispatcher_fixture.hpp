#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "services/dispatch/dispatcher.hpp"

namespace p2p::dispatch {

/// A dispatcher of one model with a clock that the test moves.
class DispatcherTest : public ::testing::Test {
 protected:
  void workers(int count) {
    std::vector<Worker> list;
    for (int i = 0; i < count; ++i) list.push_back({"w" + std::to_string(i), {{"m", {i}}}});
    dispatcher.set_workers(list);
  }
  void add(const std::string& id, const std::string& owner) { dispatcher.add({id, owner, "m", now}); }
  std::vector<std::string> next() {
    std::vector<std::string> ids;
    for (const Assignment& dispatch : dispatcher.next(now)) {
      ids.push_back(dispatch.id);
      partition[dispatch.id] = dispatch.partition;
    }
    return ids;
  }
  /// The request starts, is drawn after `time`, and ends.
  void draw(const std::string& id, std::chrono::milliseconds time) {
    dispatcher.started(id, "w0", now);
    now += time;
    dispatcher.progressed(id, 1, now);
    dispatcher.ended(id);
  }

  Dispatcher dispatcher{{.user_in_flight = 2}};
  Time now = from_millis(1'000'000);
  std::map<std::string, int> partition;  ///< by id, of the requests that next() returned
};

}  // namespace p2p::dispatch
