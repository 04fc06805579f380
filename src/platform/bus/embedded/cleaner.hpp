#pragma once

#include <stop_token>
#include <thread>

#include "platform/bus/embedded/catalogue.hpp"
#include "platform/bus/embedded/store.hpp"

namespace p2p::bus::embedded {

/// Deletes records that are older than their topic's retention, every minute, on a thread of its own.
class Cleaner {
 public:
  /// Keeps the references.
  Cleaner(Store& store, Catalogue& catalogue) : store_(store), catalogue_(catalogue) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  /// Once. Throws db::DatabaseError.
  void clean(const std::stop_token& stop);

 private:
  void run(const std::stop_token& stop);

  Store& store_;
  Catalogue& catalogue_;
  std::jthread thread_;
};

}  // namespace p2p::bus::embedded
