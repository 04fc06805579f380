#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>

#include "platform/bus/embedded/catalogue.hpp"
#include "platform/bus/embedded/cleaner.hpp"
#include "platform/bus/embedded/embedded.hpp"
#include "platform/bus/embedded/groups.hpp"
#include "platform/bus/embedded/signals.hpp"
#include "platform/bus/embedded/store.hpp"
#include "platform/bus/embedded/writer.hpp"

namespace p2p::bus {

/// What the clients of one file share. All members are thread-safe.
class EmbeddedBroker {
 public:
  explicit EmbeddedBroker(const std::filesystem::path& path, std::chrono::milliseconds wait_for_topic = std::chrono::minutes(1))
      : file(path),
        store(path),
        catalogue(store.topics()),
        groups(catalogue, signals, store.committed()),
        writer(store, catalogue, signals, wait_for_topic),
        cleaner(store, catalogue) {}

  const std::filesystem::path file;
  embedded::Store store;
  embedded::Catalogue catalogue;
  embedded::Signals signals;
  embedded::Groups groups;
  embedded::Writer writer;
  embedded::Cleaner cleaner;
  std::mutex extending;  ///< held while topics or partitions are added
};

}  // namespace p2p::bus
