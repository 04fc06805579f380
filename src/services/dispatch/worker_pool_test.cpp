#include "services/dispatch/worker_pool.hpp"

#include <gmock/gmock.h>

#include <random>

namespace p2p::dispatch {
namespace {

const Time kThen = from_millis(1'000'000);

SentRequest sent_of(const std::string& id, const std::string& owner, int partition) {
  return {.entry = {{.id = id, .owner = owner, .model = "m", .accepted = kThen}, {}}, .partition = partition};
}

TEST(WorkerPool, CountsDrawnRequestOnceWhenPartitionMoves) {
  WorkerPool pool{std::chrono::milliseconds(50)};
  pool.set_workers({{"a", {{"m", {0, 1}}}}});
  pool.sent().add(sent_of("one", "u", 0));
  pool.sent().add(sent_of("two", "u", 1));
  pool.started(*pool.sent().find("one"), "w1", kThen);
  pool.progressed(*pool.sent().find("one"), 1, kThen);
  EXPECT_EQ(std::ssize(pool.sent().of_owner("u")), 1);
  pool.set_workers({{"b", {{"m", {0, 1}}}}});
  EXPECT_EQ(std::ssize(pool.sent().of_owner("u")), 2) << "the new owner draws it again";
  pool.progressed(*pool.sent().find("one"), 1, kThen);
  EXPECT_EQ(std::ssize(pool.sent().of_owner("u")), 1);
  pool.sent().take("one");
  EXPECT_EQ(std::ssize(pool.sent().of_owner("u")), 1);
}

TEST(WorkerPool, AddingTwiceCountsOnce) {
  WorkerPool pool{std::chrono::milliseconds(50)};
  pool.set_workers({{"a", {{"m", {0}}}}, {"b", {{"m", {1}}}}});
  pool.sent().add(sent_of("one", "u", 0));
  pool.sent().add(sent_of("one", "u", 1));
  EXPECT_EQ(std::ssize(pool.sent().of_owner("u")), 1);
  EXPECT_EQ(pool.with_room("m", kThen, true)->name, "a");
  pool.sent().take("one");
  EXPECT_EQ(std::ssize(pool.sent().of_owner("u")), 0);
}

/// A reference model that recounts everything at every step.
struct Naive {
  struct Request {
    std::string owner;
    int partition = 0;
    std::string worker;
    bool drawn = false;
  };
  std::map<int, std::string> owners;
  std::map<std::string, Request> requests;

  std::string owner_of(int partition) const { return owners.contains(partition) ? owners.at(partition) : ""; }
  void move() {
    for (auto& [id, request] : requests) {
      if (const std::string now = owner_of(request.partition); now != request.worker) {
        request.worker = now;
        request.drawn = false;
      }
    }
  }
  int held_by(const std::string& owner) const {
    return static_cast<int>(
        std::ranges::count_if(requests, [&](const auto& item) { return item.second.owner == owner && !item.second.drawn; }));
  }
  bool idles(const std::string& worker) const {
    return std::ranges::none_of(requests, [&](const auto& item) { return item.second.worker == worker && !item.second.drawn; });
  }
};

TEST(WorkerPool, EqualsReferenceModelOverRandomRebalances) {
  constexpr int kPartitions = 6;
  std::mt19937 random(11);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  WorkerPool pool{std::chrono::milliseconds(50)};
  Naive naive;
  for (int step = 0; step < 20'000; ++step) {
    const std::string id = "r" + std::to_string(below(12));
    switch (below(6)) {
      case 0: {
        std::map<std::string, Worker> workers;
        naive.owners.clear();
        for (int partition = 0; partition < kPartitions; ++partition) {
          const std::string name = "w" + std::to_string(below(4));
          if (name == "w3") continue;  // no owner at the moment
          naive.owners[partition] = name;
          workers[name].name = name;
          workers[name].partitions["m"].push_back(partition);
        }
        std::vector<Worker> list;
        for (const auto& [name, worker] : workers) list.push_back(worker);
        pool.set_workers(list);
        naive.move();
        break;
      }
      case 1:
      case 2: {
        const std::string owner = "u" + std::to_string(below(4));
        const int partition = below(kPartitions);
        pool.sent().add(sent_of(id, owner, partition));
        naive.requests[id] = {owner, partition, naive.owner_of(partition), false};
        break;
      }
      case 3:
        if (SentRequest* const sent = pool.sent().find(id)) pool.started(*sent, "w", kThen);
        if (const auto found = naive.requests.find(id); found != naive.requests.end()) found->second.drawn = false;
        break;
      case 4:
        if (SentRequest* const sent = pool.sent().find(id)) pool.progressed(*sent, 1, kThen);
        if (const auto found = naive.requests.find(id); found != naive.requests.end()) found->second.drawn = true;
        break;
      default:
        EXPECT_EQ(pool.sent().take(id).has_value(), naive.requests.erase(id) == 1);
    }
    for (int owner = 0; owner < 4; ++owner) {
      const std::string name = "u" + std::to_string(owner);
      ASSERT_EQ(std::ssize(pool.sent().of_owner(name)), naive.held_by(name)) << "step " << step;
    }
    std::set<std::string> idle;
    for (const auto& [partition, name] : naive.owners) {
      if (naive.idles(name)) idle.insert(name);
    }
    const Worker* const room = pool.with_room("m", kThen, true);
    ASSERT_EQ(room != nullptr, !idle.empty()) << "step " << step;
    if (room) {
      ASSERT_TRUE(idle.contains(room->name)) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace p2p::dispatch
