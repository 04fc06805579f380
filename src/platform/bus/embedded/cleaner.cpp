#include "platform/bus/embedded/cleaner.hpp"

#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::bus::embedded {
namespace {

constexpr std::chrono::minutes kInterval{1};
constexpr std::chrono::milliseconds kBetween{2};  // lets the writer in

}  // namespace

void Cleaner::clean(const std::stop_token& stop) {
  const Topics topics = catalogue_.with([](const Topics& all) { return all; });
  for (const auto& [name, topic] : topics) {
    const Time cutoff = now() - topic.retention;
    for (std::size_t number = 0; number < topic.partitions.size(); ++number) {
      Partition partition = topic.partitions[number];
      for (;;) {
        const std::int64_t first = store_.remove_before(partition, cutoff);
        if (first == partition.first) break;
        partition.first = first;
        catalogue_.with([&](Topics& all) { all.at(name).partitions[number].first = first; });
        if (!pause(kBetween, stop)) return;
      }
    }
  }
  while (store_.shrink()) {
    if (!pause(kBetween, stop)) return;
  }
}

void Cleaner::run(const std::stop_token& stop) {
  while (pause(kInterval, stop)) {
    try {
      clean(stop);
    } catch (const db::DatabaseError& error) {
      log::warn("old messages cannot be deleted; trying again in a minute", {{"error", error.what()}});
    }
  }
}

}  // namespace p2p::bus::embedded
