#pragma once

namespace p2p::app {

/// For the start of a service, before other threads. Its memory and environment hold secrets: no core dump of it is written, and no other
/// process of its user may read them (root still attaches a debugger). As many files may be open at once as the system allows at most,
/// for each connection is one.
void set_process_limits();

/// Has the C library give memory back when it is freed, at some cost of time: for services that carry and do not compute. Before any other
/// thread.
void return_freed_memory();

}  // namespace p2p::app
