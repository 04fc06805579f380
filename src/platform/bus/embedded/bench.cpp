// p2p_bus_embedded_bench FOLDER [REQUESTS [PER_SECOND]]: the messages of the whole service without its work, on a new bus file in the
// folder. A request is six messages: `accepted` by a door, then the request itself by the dispatcher, then four events of the worker. Three
// log readers follow the events. Prints requests per second, the time from `accepted` to the last event, processor time, memory and file
// size.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <semaphore>
#include <thread>

#include "platform/bus/embedded/embedded.hpp"

using namespace p2p::bus;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kPoll{100};
constexpr int kInFlight = 2000;  // requests, at most

const std::string kEvents = "events";
const std::string kRequests = "requests";

double seconds_of(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6; }

double memory_mb() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * 4096 / 1e6;
}

Outgoing event(const std::string& id, const std::string& kind, std::size_t bytes) {
  return {.topic = kEvents, .key = id, .value = kind + std::string(bytes, 'x'), .headers = {{"traceparent", std::string(55, '0')}}};
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::cerr << "p2p_bus_embedded_bench FOLDER [REQUESTS [PER_SECOND]]\n";
    return 2;
  }
  const int requests = count > 2 ? std::stoi(words[2]) : 20'000;
  const double per_second = count > 3 ? std::stod(words[3]) : 0;  // 0: as many as possible
  const std::filesystem::path file = std::filesystem::path(words[1]) / ("bench-" + std::to_string(p2p::to_millis(p2p::now())) + ".db");
  const auto bus = embedded_bus(open_embedded_broker(file));
  bus->ensure_topics({{kEvents, 4}, {kRequests, 32}});

  std::counting_semaphore<kInFlight> room(kInFlight);
  std::vector<Clock::time_point> sent(static_cast<std::size_t>(requests));
  std::vector<double> took;  // seconds
  std::atomic<bool> is_over = false;
  const auto start = Clock::now();
  double memory_early = 0;
  {
    std::vector<std::jthread> threads;
    const auto follow = [&](const std::function<void(const Record&)>& take) {
      threads.emplace_back([&is_over, take, reader = std::shared_ptr(bus->read_log(kEvents, {}))] {
        while (!is_over) {
          for (const Record& record : reader->poll(kPoll)) take(record);
        }
      });
    };
    const auto dispatcher = bus->producer();
    follow([&](const Record& record) {
      if (record.value.starts_with("accepted"))
        dispatcher->send({.topic = kRequests, .key = record.key, .value = std::string(2000, 'x'), .headers = record.headers});
    });
    follow([](const Record&) {});
    follow([&](const Record& record) {
      if (!record.value.starts_with("finished")) return;
      took.push_back(std::chrono::duration<double>(Clock::now() - sent[std::stoul(record.key)]).count());
      if (took.size() == sent.size() / 10) memory_early = memory_mb();
      if (took.size() == sent.size()) is_over = true;
      room.release();
    });
    threads.emplace_back([&] {
      const auto producer = bus->producer();
      const auto member = bus->subscribe("workers", {kRequests}, {});
      while (!is_over) {
        for (const Record& record : member->poll(kPoll)) {
          producer->send(event(record.key, "started", 300));
          for (int i = 0; i < 2; ++i) producer->send(event(record.key, "progress", 300));
          producer->send(event(record.key, "finished", 1500),
                         [&member, record](const auto&) { member->done(record.topic_partition(), record.offset); });
        }
      }
      producer->flush(std::chrono::seconds(10));
    });
    const auto door = bus->producer();
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (per_second > 0)
        std::this_thread::sleep_until(
            start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(i) / per_second)));
      room.acquire();
      sent[i] = Clock::now();
      door->send(event(std::to_string(i), "accepted", 2000));
    }
    threads.clear();
  }
  const double wall = std::chrono::duration<double>(Clock::now() - start).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::ranges::sort(took);
  const auto at = [&](double share) { return 1000 * took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))]; };
  std::cout << std::fixed << std::setprecision(1) << requests / wall << " requests per second, " << at(0.5) << " ms median, " << at(0.99)
            << " ms at 99 %, " << 1e6 * (seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)) / requests
            << " us of processor time per request; memory " << memory_early << " MB after a tenth, " << memory_mb()
            << " MB at the end; file " << static_cast<double>(std::filesystem::file_size(file)) / 1e6 << " MB, WAL "
            << static_cast<double>(std::filesystem::file_size(file.string() + "-wal")) / 1e6 << " MB; " << file.string() << '\n';
  return 0;
}
