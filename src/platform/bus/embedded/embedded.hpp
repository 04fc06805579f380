#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "platform/bus/bus.hpp"

namespace p2p::bus {

/// An open bus file.
class EmbeddedBroker;

/// Opens or creates the file, a SQLite database, for this process alone. Throws UsageError if another process has it open, or it is damaged
/// or something else than a bus; Error if it cannot be read or written.
///
/// A message that was reported as delivered, and an offset that Subscription::commit() has committed, survive the end of the process at any
/// moment. They survive a power failure too if they are older than the last checkpoint: the newest few megabytes may be lost, but the file
/// stays intact (SQLite's WAL with synchronous=NORMAL).
std::shared_ptr<EmbeddedBroker> open_embedded_broker(const std::filesystem::path& file);

/// A bus within this process, in place of Kafka. All buses of one broker share its topics and groups. `client_id`: the name of the members
/// that join through this bus, as client.id is with Kafka. Topics are never re-created while the file is open.
std::unique_ptr<Bus> embedded_bus(std::shared_ptr<EmbeddedBroker> broker, const std::string& client_id = "prompt2pic");

}  // namespace p2p::bus
