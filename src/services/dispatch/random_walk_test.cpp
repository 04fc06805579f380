// 30,000 random steps: workers come and go, requests are added, started, ended, handed back and removed.

#include <random>
#include <set>

#include "services/dispatch/testing/dispatcher_fixture.hpp"

namespace p2p::dispatch {
namespace {

using std::chrono::milliseconds;

using DispatcherRandomWalk = DispatcherTest;

TEST_F(DispatcherRandomWalk, NeitherLosesNorDuplicatesRequests) {
  std::mt19937 random(3);
  std::set<std::string> waiting;
  std::set<std::string> sent;
  int names = 0;
  for (int step = 0; step < 30'000; ++step) {
    now += milliseconds(random() % 50);
    const auto any = [&](const std::set<std::string>& ids) {
      return *std::next(ids.begin(), static_cast<std::ptrdiff_t>(random() % ids.size()));
    };
    switch (random() % 7) {
      case 0:
        workers(static_cast<int>(random() % 4));
        break;
      case 1:
      case 2:
        waiting.insert("r" + std::to_string(names));
        add("r" + std::to_string(names++), "u" + std::to_string(random() % 5));
        break;
      case 3:
        if (!sent.empty()) {
          const std::string id = any(sent);
          dispatcher.started(id, "w0", now);
          dispatcher.progressed(id, 0.5 * static_cast<double>(random() % 3), now + milliseconds(random() % 100));
        }
        break;
      case 4:
        if (!sent.empty()) {
          const std::string id = any(sent);
          dispatcher.ended(id);
          sent.erase(id);
        }
        break;
      case 5:
        if (!sent.empty()) {
          const std::string id = any(sent);
          dispatcher.handed_back(id);
          sent.erase(id);
          waiting.insert(id);
        }
        break;
      default:
        if (!waiting.empty() && random() % 4 == 0) {
          const std::string id = any(waiting);
          EXPECT_TRUE(dispatcher.remove(id));
          waiting.erase(id);
        }
    }
    for (const std::string& id : next()) {
      EXPECT_EQ(waiting.erase(id), 1u) << id;
      EXPECT_TRUE(sent.insert(id).second) << id;
    }
    for (const std::string& id : dispatcher.to_release(now)) EXPECT_TRUE(sent.contains(id));
  }
  workers(3);
  for (int i = 0; i < 100'000 && !(waiting.empty() && sent.empty()); ++i) {
    for (const std::string& id : std::set<std::string>(sent)) dispatcher.ended(id);
    sent.clear();
    for (const std::string& id : next()) {
      EXPECT_EQ(waiting.erase(id), 1u);
      sent.insert(id);
    }
  }
  EXPECT_TRUE(waiting.empty());
}

}  // namespace
}  // namespace p2p::dispatch
